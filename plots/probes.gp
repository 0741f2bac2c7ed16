# Round trips of the probes, binned on a logarithmic scale.  Columns: ns count.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set xlabel 'round trip of one cache line between two workers (ns, logarithmic)'
set ylabel 'probes (logarithmic)'
set logscale xy
set yrange [0.5:*]
set format x '%.4g'
set grid
set key off
set style fill solid 0.6
plot datafile using 1:2:($1 * 0.09) with boxes lc rgb '#0072b2' notitle
