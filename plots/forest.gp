# Ratios with their intervals.  Columns: y label ratio low high verdict (1 supported, 2 refuted,
# 3 inconclusive, 4 not testable, 0 no claim).  Colour (Okabe-Ito) and shape both tell the verdict.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set logscale x
set xlabel 'ratio left / right (logarithmic); 1: no difference'
set ytics noenhanced
set yrange [0:*]
set offsets 0, 0, 0.8, 0
set grid x
set key outside bottom center horizontal
set bmargin 5
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lc rgb '#888888' dt 2
pick(v, w, x) = (v == w) ? x : NaN
plot for [v=0:3] datafile using (pick($6, v, $3)):1:4:5:ytic(2) with xerrorbars \
  pointtype (v == 1 ? 7 : v == 2 ? 9 : v == 3 ? 4 : 1) pointsize 1.1 linewidth 1.5 \
  lc rgb (v == 1 ? '#009e73' : v == 2 ? '#d55e00' : v == 3 ? '#e69f00' : '#555555') \
  title (v == 1 ? 'supported' : v == 2 ? 'refuted' : v == 3 ? 'inconclusive' : 'control')
