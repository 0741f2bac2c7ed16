# Every trial in its order.  Columns: trial value-over-median class (0 solo, 1 shared PU, 2 probed) steal%.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set xlabel 'trial'
set ylabel 'value / median of its case'
set logscale y
set format y '%.4g'
set y2label 'steal (% of the trial)'
set y2range [0:*]
set y2tics
set ytics nomirror
set grid y
set key outside bottom center horizontal
set bmargin 5
plot datafile using 1:4 axes x1y2 with impulses lc rgb '#bbbbbb' title 'steal', \
  datafile using 1:($3 == 0 ? $2 : NaN) with points pt 7 ps 0.5 lc rgb '#0072b2' title 'one worker', \
  datafile using 1:($3 == 1 ? $2 : NaN) with points pt 4 ps 0.6 lc rgb '#e69f00' title 'shared PU', \
  datafile using 1:($3 == 2 ? $2 : NaN) with points pt 9 ps 0.6 lc rgb '#d55e00' title 'pair, probed'
