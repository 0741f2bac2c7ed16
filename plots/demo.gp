# Bars in a terminal.  Columns: row label value text.
unset key
set border 2
unset xtics
set ytics scale 0 nomirror noenhanced
set tmargin 0
set rmargin 12
set bmargin 1
set yrange [0.5:bars + 0.5]
set xrange [0:largest]
set xlabel x_label noenhanced
set style fill solid
plot datafile using (0):1:(0):3:($1 - thick):($1 + thick):ytic(2) with boxxyerror lc rgb '#0072b2', \
  datafile using 3:1:(' ' . strcol(4)) with labels left noenhanced
