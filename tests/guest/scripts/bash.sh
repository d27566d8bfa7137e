#!/bin/bash
# Arrays, process substitution, arithmetic, job control, coprocesses and what else only bash has.
set -u
shopt -s extglob

echo "== arrays"
list=(zero one "two words" three)
list+=(four)
echo "${#list[@]} ${list[2]} ${list[@]:1:2} ${list[-1]}"
declare -A map=([red]=1 [green]=2)
map[blue]=3
for key in $(printf '%s\n' "${!map[@]}" | sort); do echo "$key=${map[$key]}"; done
mapfile -t lines < <(printf 'l1\nl2\nl3\n')
echo "${lines[@]}"
unset 'list[1]'; echo "${!list[@]}"

echo "== arithmetic"
echo $((2 ** 40)) $((0x1f & ~3)) $((7 / 2)) $((-7 % 3)) $((1 << 62))
for ((i = 0, s = 0; i < 10; i++)); do ((s += i * i)); done; echo "$s"
let n=5*5; echo "$n"
printf '%03d %s %q\n' 7 x 'a b'

echo "== strings"
text="The quick brown fox"
echo "${text#The } ${text%fox} ${text/quick/slow} ${text^^} ${#text} ${text:4:5}"
[[ $text =~ ([a-z]+)\ fox ]] && echo "${BASH_REMATCH[1]}"
case $text in *brown*) echo matched ;; esac

echo "== process substitution"
cat <(printf 'a\nb\n') <(printf 'a\nc\n') | sort -u
echo "status $?"
paste <(seq 3) <(seq 4 6)
tee >(cat >&2) </dev/null 2>/dev/null
while read -r a b; do echo "$b-$a"; done < <(paste -d' ' <(seq 2) <(seq 8 9))

echo "== functions and traps"
fact() { (($1 <= 1)) && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }
fact 6
on_exit() { echo "exit trap in subshell"; }
(trap on_exit EXIT; exit 0)
trap 'echo "caught ERR"' ERR; false; trap - ERR
trap 'echo usr2' USR2; kill -USR2 $$; trap - USR2
f() { local x=inner; echo $x; return 4; }; x=outer; f; echo "$? $x"

echo "== jobs"
for i in 3 1 2; do (exit $i) & pids[$i]=$!; done
for i in 1 2 3; do wait "${pids[$i]}"; echo "job $i: $?"; done
set -m
(sleep 30) &
kill %1; wait %1 2>/dev/null; echo "job killed: $?"
sleep 30 & kill -STOP $!
until [[ $(jobs -s) ]]; do :; done
echo "stopped: $(jobs -s | grep -c sleep)"
kill -CONT %%; kill %%; wait %% 2>/dev/null; echo "after: $?"
set +m
coproc up { tr a-z A-Z; }
exec {out}>&"${up[1]}" {in}<&"${up[0]}"; eval "exec ${up[1]}>&-" # bash forgets `up` when it ends
echo "through a coprocess" >&$out; exec {out}>&-
read -r line <&$in; echo "$line"; exec {in}<&-
wait

echo "== pipelines"
set -o pipefail
false | true; echo "${PIPESTATUS[@]} $?"
seq 1 1000 | while read -r n; do ((n % 250 == 0)) && echo "$n"; done
yes | head -2; echo "${PIPESTATUS[0]}"
cat <<<"here string"
printf '%s\n' {a..e}{1,2} | tail -1
readonly CONST=1; (CONST=2) 2>/dev/null; echo "readonly $?"
echo "$(< /proc/self/comm)"
exec 5<>/dev/null; echo quiet >&5; exec 5>&-
ulimit -n 64; ulimit -n
files=(/etc/!(hosts|x)); ((${#files[@]} > 0)) && echo globbed

exit 17
