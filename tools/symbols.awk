# From `nm -n` of the kernel to the table that kernel/lib/symbols.c reads: for each function in the
# order of addresses its distance from the one before (ULEB128) and its name, NUL-terminated.
BEGIN {
	print "\t.section .symbols, \"a\", @progbits"
	for (i = 0; i < 16; i++)
		digit[sprintf("%x", i)] = i
}

function number(hex,    i, n) {
	n = 0
	for (i = length(hex) - 7; i <= length(hex); i++)
		n = n * 16 + digit[substr(hex, i, 1)]
	return n
}

$3 == "text_start" {
	last = number($1)
	started = 1
}

# All addresses of the image have the same upper half: the lower eight digits tell them apart.
started && ($2 == "t" || $2 == "T") && $3 != "text_start" && $3 !~ /^(boot_text|text|uaccess|rodata|init_text)_(start|end)$|^\.L/ {
	at = number($1)
	if (at == previous)
		next
	previous = at
	delta = at - last
	last = at
	line = "\t.byte "
	while (delta >= 128) {
		line = line (delta % 128 + 128) ", "
		delta = int(delta / 128)
	}
	print line delta
	print "\t.asciz \"" $3 "\""
}
