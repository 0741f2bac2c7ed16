# Every case of a scenario.  Columns: y label value low high group.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set lmargin at screen left
set rmargin at screen 0.96
# where a value is 0, or values are near each other, the axis is linear, from 0
if (value_log) set logscale x; else if (value_zero) set xrange [-0.1:1]; else set xrange [0:*]
words = value_unit . (value_unit ne '' && value_log ? ', ' : '') . (value_log ? 'logarithmic' : '')
set xlabel x_label . (words eq '' ? '' : ' (' . words . ')') noenhanced
set format x value_format
set ytics noenhanced font ',11'
set offsets 0, 0, 0.8, 0.8
set grid x
set key off
shape(g) = g == 0 ? 7 : g == 1 ? 5 : g == 2 ? 9 : 11
tint(g) = g == 0 ? '#0072b2' : g == 1 ? '#d55e00' : g == 2 ? '#009e73' : '#cc79a7'
# Hypertext is what stands under the pointer in the SVG: on discs that nobody sees, in one plot, since a plot of
# labels without a point ends gnuplot 5.4.
plot for [g=0:3] datafile using ($6 == g ? $3*scale : NaN):1:($4*scale):($5*scale):ytic(2) with xerrorbars \
  pointtype shape(g) pointsize 1 linewidth 1.5 lc rgb tint(g) notitle, \
  datafile using ($3*scale):1:(sprintf('%s: %.4g (%.4g to %.4g)%s', strcol(2), $3, $4, $5, unit eq '1' ? '' : ' ' . unit)) \
  with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle
