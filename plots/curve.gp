# A time over the bandwidth that others used meanwhile.  An index of the data is a line: bandwidth time low high load.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set xlabel 'bandwidth of the others (GB/s)' noenhanced
set ylabel y_label noenhanced
set format y '%.0s %cs'
set format x '%g'
set xrange [0:*]
set yrange [0:*]
set offsets graph 0, graph 0.05, graph 0.05, 0
set grid
set key outside right top noenhanced
array colours[8] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999']
# Hypertext is what stands under the pointer in the SVG.
plot for [j=0:variants-1] datafile index j using 1:($2*1e-9):($3*1e-9):($4*1e-9) with yerrorlines lw 1.8 ps 0.9 pt j+4 dt j%5+1 \
      lc rgb colours[j % 8 + 1] title columnheader(1), \
    datafile index 0:variants-1 every ::1 using 1:($2*1e-9):(sprintf('%g %% load: %.4g ns (%.4g to %.4g) at %.4g GB/s', $5, $2, $3, $4, $1)) \
      with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle
