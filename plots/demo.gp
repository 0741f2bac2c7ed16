# Bars in a terminal.  Columns: row label value.
unset key
unset border
set border 2
unset xtics
set ytics scale 0 noenhanced
set yrange [0.3:bars + 0.7]
set xrange [0:*]
set offsets 0, graph 0.25, 0, 0
set xlabel x_label noenhanced
set boxwidth 0.5
set style fill solid
plot datafile using (0):1:(0):3:($1 - 0.2):($1 + 0.2):ytic(2) with boxxyerror lc rgb '#0072b2', \
  datafile using 3:1:(sprintf(' %.4g', $3)) with labels left noenhanced
