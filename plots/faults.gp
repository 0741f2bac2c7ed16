# A page's time beside the faults behind it.  Columns: y label ns faults.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set lmargin at screen left
set rmargin at screen 0.975
set logscale x
set format x '%.4g'
set xlabel 'per base page; no fault stands at the left edge'
set ytics noenhanced font ',11'
set offsets 0, 0, 0.8, 0.8
set grid x
set key outside bottom center horizontal
# Hypertext is what stands under the pointer in the SVG.
plot datafile using 3:1:ytic(2) with points pt 7 ps 1.2 lc rgb '#0072b2' title 'time (ns)', \
  datafile using ($4 > 0 ? $4 : 0.001):1 with points pt 4 ps 1.4 lw 1.5 lc rgb '#d55e00' title 'minor faults', \
  datafile using 3:1:(sprintf('%s: %.4g ns, %.4g minor faults', strcol(2), $3, $4)) \
  with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle
