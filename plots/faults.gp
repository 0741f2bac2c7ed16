# A page's time beside the faults behind it.  Columns: y label ns faults.
set title heading . "\n" . machine noenhanced
set logscale x
set format x '%.4g'
set xlabel 'ns per 4 KiB page (filled), minor faults per 4 KiB page (open; 0 stands at the left edge)'
set ytics noenhanced
set offsets 0, 0, 0.8, 0.8
set grid x
set key outside bottom center horizontal
plot datafile using 3:1:ytic(2) with points pt 7 ps 1.2 lc rgb '#0072b2' title 'time', \
  datafile using ($4 > 0 ? $4 : 0.001):1 with points pt 4 ps 1.4 lw 1.5 lc rgb '#d55e00' title 'faults'
