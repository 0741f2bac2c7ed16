# A line a variant over a swept parameter; the key has them in the order of their right ends.  An index of the data is a
# variant: x value low high; the last index holds the crossings with the first variant, in the colour of the other: x y low
# high number.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
# A logarithm of 0 there is none: where 0 is among the values, that of one more is drawn.
if (x_log && !exists('x_zero')) set logscale x 2
if (x_log && exists('x_zero')) set nonlinear x via log(x + 1) inverse exp(x) - 1
if (x_log && exists('x_zero')) set xtics (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
# where a value is 0 the axis is linear, from 0
if (value_log) set logscale y; else if (value_zero) set yrange [-0.1:1]; else set yrange [0:*]
set xlabel x_label noenhanced
set ylabel y_label . (value_unit eq '' || strstrt(y_label, value_unit) > 0 ? '' : ' (' . value_unit . ')') noenhanced
set format y value_format
if (x_bytes) set format x '%.0b%B'
if (!x_bytes) set format x '%.0f'
set offsets graph 0.03, graph 0.03, 0, 0
set grid
set key outside right top noenhanced
# Where the caches end and how far the TLB reaches.
if (exists('marks')) {
  do for [m=1:marks] {
    at = value(sprintf('mark%d', m))
    set arrow 200+m from at, graph 0 to at, graph 1 nohead dt 3 lc rgb '#888888' back
    set label 200+m value(sprintf('mark%d_name', m)) at at, graph 0.985 right rotate by 90 offset character -0.4, 0 \
      font ',9' tc rgb '#555555' back noenhanced
  }
}
array colours[8] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999']
array rgb[8] = [0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000, 0x999999]
# The lines of plug-ins stand out.
any = 0
do for [i=1:variants] { any = any || plugged[i] }
if (any) set key title 'thick: plug-ins'
width(i) = plugged[i+1] ? 2.6 : any ? 1.2 : 1.8
# Hypertext is what stands under the pointer in the SVG.
unit = exists('y_time') ? ' ns' : ''
value_text(v, x, y, l, h) = sprintf('%s at %.6g: %.4g%s (%.4g to %.4g)', v, x, y, unit, l, h)
if (crossings > 0) {
  plot for [j=1:variants] datafile index order[j] using 1:($2*scale):($3*scale):($4*scale) with yerrorlines lw width(order[j]) \
      ps 0.9 pt order[j]+4 dt order[j]%5+1 lc rgb colours[order[j] % 8 + 1] title columnheader(1), \
    datafile index variants using 1:($2*scale):3:4:(rgb[int($5) % 8 + 1]) with xerrorbars pt 2 ps 1.8 lw 1.8 \
      lc rgb variable title 'crosses the first', \
    datafile index 0:variants-1 every ::1 using 1:($2*scale):(value_text(names[int(column(-2))+1], $1, $2, $3, $4)) \
      with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle, \
    datafile index variants using 1:($2*scale):(sprintf('%s crosses at %.4g (%.4g to %.4g)', names[int($5)+1], $1, $3, $4)) \
      with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle
} else {
  plot for [j=1:variants] datafile index order[j] using 1:($2*scale):($3*scale):($4*scale) with yerrorlines lw width(order[j]) \
      ps 0.9 pt order[j]+4 dt order[j]%5+1 lc rgb colours[order[j] % 8 + 1] title columnheader(1), \
    datafile index 0:variants-1 every ::1 using 1:($2*scale):(value_text(names[int(column(-2))+1], $1, $2, $3, $4)) \
      with labels hypertext point pt 7 ps 1.4 lc rgb '#ff000000' notitle
}
