# Distributions: a line a variant over 1/(1 - quantile).  An index of the data is a variant.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set logscale x 10
set logscale y
set xtics ('0' 1, '50 %%' 2, '90 %%' 10, '99 %%' 100, '99.9 %%' 1000, '99.99 %%' 10000, '99.999 %%' 100000)
set xlabel 'quantile' noenhanced
set ylabel y_label noenhanced
set format y '%.0s %cs'
set grid
set key outside right top noenhanced
array colours[8] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999']
plot for [i=0:variants-1] datafile index i using 1:($2*1e-9) with lines lw 1.8 dt i/8+1 lc rgb colours[i % 8 + 1] \
    title columnheader(1)
