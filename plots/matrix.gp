# A matrix, such as pairs of PUs in hwloc's order, as a heat map.  Index 0: to from ns colour text-colour "label"; 1: pairs that
# were not measured; 2, 3, 4: outlines of cores, L3 caches and packages; 5: names of the rows.
set label 101 heading at screen 0.015, screen 1.0 left offset character 0, -1.1 font ',14' noenhanced
set label 102 machine at screen 0.015, screen 1.0 left offset character 0, -2.6 font ',10' tc rgb '#555555' noenhanced
set tmargin 5
set bmargin 7
set size ratio 1
set xrange [-0.5:pus - 0.5]
set yrange [pus - 0.5:-0.5]
set xlabel column
set ylabel row
set tics scale 0 out nomirror
set xtics offset 0, 0.3
set border lw 0.5
set logscale cb
set cbrange [low:high]
set format cb '%.3g'
set cbtics add (sprintf('%.3g', low) low, sprintf('%.3g', high) high)
set cblabel value
set key at screen 0.5, screen 0.0 center bottom horizontal samplen 2 width 2
set style fill solid noborder
plot datafile index 0 using 1:2:3 with points pt 7 ps 0.01 palette notitle, \
  datafile index 0 using 1:2:(0.5):(0.5):4 with boxxyerror fs solid noborder lc rgb variable notitle, \
  datafile index 1 using 1:2:(0.5):(0.5) with boxxyerror lc rgb '#555555' fs transparent pattern 4 border \
    title (missing > 0 ? 'not measured' : ''), \
  datafile index 0 using (labelled ? $1 : NaN):2:6:5 with labels font (pus > 40 ? ',8' : ',9') tc rgb variable notitle, \
  datafile index 2 with lines lw 1.2 lc rgb '#ffffff' notitle, \
  datafile index 2 with lines lw 1.2 dt 3 lc rgb '#000000' title (cores > 0 ? 'core' : ''), \
  datafile index 3 with lines lw 2.4 lc rgb '#e69f00' title (l3s > 0 ? 'L3' : ''), \
  datafile index 4 with lines lw 3.2 lc rgb '#d55e00' title (packages > 0 ? 'package' : ''), \
  datafile index 5 using 1:(NaN):xtic(2) notitle, \
  datafile index 5 using (NaN):1:ytic(2) notitle
