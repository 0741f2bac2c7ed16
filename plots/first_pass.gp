# The first pass over memory, page after page.  An index of the data is a variant, its first line the set-up (x = 0):
# x median worst of a stretch of pages.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set logscale y
set xlabel 'write number, in order (at 0: what the set-up took)' noenhanced
set ylabel 'time of one write ' noenhanced
set format y '%.0s %cs'
set xrange [-0.03*accesses:*]
set grid
set key outside right top noenhanced
array colours[8] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999']
plot for [i=0:variants-1] datafile index i every ::2 using 1:($2*1e-9) with lines lw 1.8 dt i%5+1 lc rgb colours[i % 8 + 1] \
      title columnheader(1), \
    for [i=0:variants-1] datafile index i every ::2 using 1:($3*1e-9) with points pt i+4 ps 0.35 lc rgb colours[i % 8 + 1] \
      notitle, \
    for [i=0:variants-1] datafile index i every ::1::1 using 1:($2 > 0 ? $2*1e-9 : 1/0) with points pt i+4 ps 1.6 lw 2 \
      lc rgb colours[i % 8 + 1] notitle, \
    1/0 with points pt 6 ps 0.35 lc rgb '#555555' title 'slowest of a stretch', \
    1/0 with points pt 6 ps 1.6 lw 2 lc rgb '#555555' title 'set-up'
