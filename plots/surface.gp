# Speed over size and stride, as a surface: blocks of x (size) y (stride) z.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set logscale x 2
set logscale y 2
set format x '%.0b%B'
set format y '%.0f'
set xlabel 'size (bytes)' offset 0,-1 noenhanced
set ylabel 'stride (bytes)' offset 1,-1 noenhanced
set zlabel z_label rotate by 90 noenhanced
set xyplane at 0
set ztics nomirror
set view 58, 128
set border 127+256+512
set grid x y z
set palette defined (0 '#3b4cc0', 0.5 '#dddddd', 1 '#b40426')
set cblabel z_label noenhanced
set pm3d depthorder border lc rgb '#444444' lw 0.5
splot datafile using 1:2:3 with pm3d notitle
