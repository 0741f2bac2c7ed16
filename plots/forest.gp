# Ratios with their intervals.  Columns: y label ratio low high verdict (1 supported, 2 refuted,
# 3 inconclusive, 4 not testable, 0 no claim).  Colour (Okabe-Ito) and shape both tell the verdict.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin (exists('terminal_only') ? 5 : 6)
set lmargin at screen left
set rmargin at screen 0.975
set logscale x
set xlabel 'ratio left / right (logarithmic); 1: no difference'
set ytics noenhanced font ',11'
set format x '%g'
set yrange [0:*]
set offsets 0, 0, 0.8, 0
set grid x
# Right above the plot, clear of the heading; a terminal is too narrow for that.
if (exists('terminal_only')) set key at screen 0.985, screen 0.015 right bottom horizontal
if (!exists('terminal_only')) set key at graph 1, graph 1 right bottom horizontal height 0.7
set bmargin (exists('terminal_only') ? 7 : 4)
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lc rgb '#888888' dt 2
pick(v, w, x) = (v == w) ? x : NaN
shape(v) = v == 1 ? 7 : v == 2 ? 9 : v == 3 ? 4 : 1
tint(v) = v == 1 ? '#009e73' : v == 2 ? '#d55e00' : v == 3 ? '#e69f00' : '#555555'
# Hypertext is what stands under the pointer in the SVG: on discs that nobody sees, in one plot, since a plot of
# labels without a point ends gnuplot 5.4.
plot for [v=0:3] datafile using (pick($6, v, $3)):1:4:5:ytic(2) with xerrorbars \
  pointtype shape(v) pointsize 1.1 linewidth 1.5 lc rgb tint(v) \
  title (v == 1 ? 'supported' : v == 2 ? 'refuted' : v == 3 ? 'inconclusive' : 'control'), \
  for [t=1:(exists('terminal_only') ? 0 : 1)] datafile \
  using 3:1:(sprintf('%s: %.4g (%.4g to %.4g)', strcol(2), $3, $4, $5)) with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle
