# Round trips of the probes, binned on a logarithmic scale.  Columns: ns count.
set title heading . "\n" . machine noenhanced
set xlabel 'round trip of one cache line between two workers (ns, logarithmic)'
set ylabel 'probes (logarithmic)'
set logscale xy
set yrange [0.5:*]
set format x '%.4g'
set grid
set key off
set style fill solid 0.6
plot datafile using 1:2:($1 * 0.09) with boxes lc rgb '#0072b2' notitle
