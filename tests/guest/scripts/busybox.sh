#!/bin/busybox sh
# Pipes, redirections, here-documents, jobs, traps, subshells and the small tools.
mkdir -p work && cd work || exit 1

echo "== redirections"
echo one >a; echo two >>a; cat a | sort -r
cat <<EOF >b
here $((6 * 7))
	tab
EOF
cat <b; cat nothing 2>/dev/null || echo "status $?"
{ echo out; echo err >&2; } 2>&1 | sort
exec 3>c; echo three >&3; exec 3>&-; cat c

echo "== subshells and substitutions"
(x=5; exit $x); echo "status $?"
y=$(echo deep; exit 7); echo "$y $?"
for i in 1 2 3; do echo "$i"; done | while read -r n; do echo "got $n"; done
false | true; echo "pipe $?"

echo "== jobs"
(echo first) & wait $!; echo "waited $?"
(exit 9) & p=$!; wait $p; echo "job $?"
sleep 60 & kill $!; wait $! 2>/dev/null; echo "killed $?"

echo "== traps"
trap 'echo usr1' USR1
kill -USR1 $$
(trap 'echo leaving' EXIT; true)
sh -c 'trap "" TERM; kill $$; echo survived'
sh -c 'kill -TERM $$'; echo "term $?"

echo "== tools"
seq 1 200 >numbers
grep -c 1 numbers; sed -n '/^1[05]$/p' numbers; awk '{ s += $1 } END { print s }' numbers
sort -rn numbers | head -3; tail -n 2 numbers; wc numbers; cut -c1 numbers | sort | uniq -c | sort -n
tr 0-9 a-j <numbers | md5sum
mkdir -p d/e/f; touch d/e/f/g; ln -s e d/link; ln a d/hard
find d | sort; readlink d/link; stat -c '%n %h %s %F' a d/hard
mv a moved; cp moved copy; cmp moved copy && echo same; rm -r d; ls
tar cf t.tar numbers b; tar tf t.tar; mkdir x; tar xf t.tar -C x; cmp numbers x/numbers && echo unpacked
gzip -c numbers >n.gz; gzip -dc n.gz | md5sum; md5sum <numbers
dd if=/dev/zero bs=1000 count=3 2>/dev/null | wc -c
test -e /proc/self/status && echo proc
printf '%s %5d %x\n' word 42 255
expr 3 + 4; basename /x/y.z .z; dirname /x/y
umask 027; : >masked; stat -c %a masked; chmod 4711 masked; stat -c %a masked
xargs -n 2 echo <<EOF
a b c d e
EOF
exit 3
