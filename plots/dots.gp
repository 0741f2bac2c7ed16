# Every case of a scenario.  Columns: y label value low high group.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
# smallest and largest: of all values and limits; where one is 0 the axis is linear, from 0
logarithmic = smallest > 0
if (logarithmic) set logscale x; else if (largest > 0) set xrange [0:*]; else set xrange [-0.1:1]
words = (unit eq '1' ? '' : unit) . (unit ne '1' && logarithmic ? ', ' : '') . (logarithmic ? 'logarithmic' : '')
set xlabel x_label . (words eq '' ? '' : ' (' . words . ')') noenhanced
set format x '%.4g'
set ytics noenhanced
set offsets 0, 0, 0.8, 0.8
set grid x
set key off
plot for [g=0:3] datafile using ($6 == g ? $3 : NaN):1:4:5:ytic(2) with xerrorbars \
  pointtype (g == 0 ? 7 : g == 1 ? 5 : g == 2 ? 9 : 11) pointsize 1 linewidth 1.5 \
  lc rgb (g == 0 ? '#0072b2' : g == 1 ? '#d55e00' : g == 2 ? '#009e73' : '#cc79a7') notitle
