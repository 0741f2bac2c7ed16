# One case over its runs.  Columns: run number, median, low, high, level, step (1: it changed here and stayed), other class.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set xlabel 'run'
set ylabel y_label noenhanced
set yrange [0:*]
set xrange [0.5:runs + 0.5]
set grid y
set key outside bottom center horizontal
plot datafile using 1:($7 == 0 ? $5 : NaN) with lines lw 2 lc rgb '#bbbbbb' title 'level', \
  datafile using 1:($7 == 0 ? $2 : NaN):3:4 with yerrorbars pt 7 ps 0.8 lc rgb '#0072b2' title 'median, 95 % interval', \
  datafile using 1:($7 == 1 ? $2 : NaN) with points pt 1 ps 0.8 lc rgb '#888888' title 'in another pair class', \
  datafile using 1:($6 == 1 ? $2 : NaN) with points pt 8 ps 2 lw 2 lc rgb '#d55e00' title 'step'
