/* Terminals: numbers and layouts of the Linux ABI (termios(3), ioctl_tty(2), asm-generic). */
#ifndef UAPI_TERMIOS_H
#define UAPI_TERMIOS_H

#include <stdint.h>

/* What TCGETS gives; the TCGETS2 form has the speeds behind it. */
enum { ABI_NCCS = 19 };
struct abi_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[ABI_NCCS];
};
struct abi_termios2 {
	struct abi_termios base;
	uint32_t ispeed, ospeed;
};
/* What TCGETA gives. */
enum { ABI_NCC = 8 };
struct abi_termio {
	uint16_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[ABI_NCC];
};

struct abi_winsize {
	uint16_t rows, cols, xpixel, ypixel;
};

/* cc */
#define VINTR	 0
#define VQUIT	 1
#define VERASE	 2
#define VKILL	 3
#define VEOF	 4
#define VTIME	 5
#define VMIN	 6
#define VSWTC	 7
#define VSTART	 8
#define VSTOP	 9
#define VSUSP	 10
#define VEOL	 11
#define VREPRINT 12
#define VDISCARD 13
#define VWERASE	 14
#define VLNEXT	 15
#define VEOL2	 16

/* iflag */
#define IGNBRK	0000001U
#define BRKINT	0000002U
#define IGNPAR	0000004U
#define PARMRK	0000010U
#define INPCK	0000020U
#define ISTRIP	0000040U
#define INLCR	0000100U
#define IGNCR	0000200U
#define ICRNL	0000400U
#define IUCLC	0001000U
#define IXON	0002000U
#define IXANY	0004000U
#define IXOFF	0010000U
#define IMAXBEL 0020000U
#define IUTF8	0040000U

/* oflag */
#define OPOST  0000001U
#define OLCUC  0000002U
#define ONLCR  0000004U
#define OCRNL  0000010U
#define ONOCR  0000020U
#define ONLRET 0000040U
#define TABDLY 0014000U
#define XTABS  0014000U

/* cflag */
#define B38400 0000017U
#define CS8    0000060U
#define CREAD  0000200U
#define HUPCL  0002000U

/* lflag */
#define ISIG	0000001U
#define ICANON	0000002U
#define XCASE	0000004U
#define ECHO	0000010U
#define ECHOE	0000020U
#define ECHOK	0000040U
#define ECHONL	0000100U
#define NOFLSH	0000200U
#define TOSTOP	0000400U
#define ECHOCTL 0001000U
#define ECHOPRT 0002000U
#define ECHOKE	0004000U
#define FLUSHO	0010000U
#define PENDIN	0040000U
#define IEXTEN	0100000U
#define EXTPROC 0200000U

/* Requests. */
#define TCGETS	    0x5401
#define TCSETS	    0x5402
#define TCSETSW	    0x5403
#define TCSETSF	    0x5404
#define TCGETA	    0x5405
#define TCSETA	    0x5406
#define TCSETAW	    0x5407
#define TCSETAF	    0x5408
#define TCSBRK	    0x5409
#define TCXONC	    0x540A
#define TCFLSH	    0x540B
#define TIOCEXCL    0x540C
#define TIOCNXCL    0x540D
#define TIOCSCTTY   0x540E
#define TIOCGPGRP   0x540F
#define TIOCSPGRP   0x5410
#define TIOCOUTQ    0x5411
#define TIOCSTI	    0x5412
#define TIOCGWINSZ  0x5413
#define TIOCSWINSZ  0x5414
#define TIOCPKT	    0x5420
#define TIOCNOTTY   0x5422
#define TIOCSETD    0x5423
#define TIOCGETD    0x5424
#define TCSBRKP	    0x5425
#define TIOCGSID    0x5429
#define TCGETS2	    0x802C542AU
#define TCSETS2	    0x402C542BU
#define TCSETSW2    0x402C542CU
#define TCSETSF2    0x402C542DU
#define TIOCGPTN    0x80045430U
#define TIOCSPTLCK  0x40045431U
#define TIOCSIG	    0x40045436U
#define TIOCVHANGUP 0x5437
#define TIOCGPKT    0x80045438U
#define TIOCGPTLCK  0x80045439U
#define TIOCGEXCL   0x80045440U
#define TIOCGPTPEER 0x5441

/* TCXONC, TCFLSH */
#define TCOOFF	  0
#define TCOON	  1
#define TCIOFF	  2
#define TCION	  3
#define TCIFLUSH  0
#define TCOFLUSH  1
#define TCIOFLUSH 2

/* What a master in packet mode reads before data. */
#define TIOCPKT_DATA	   0
#define TIOCPKT_FLUSHREAD  1
#define TIOCPKT_FLUSHWRITE 2
#define TIOCPKT_STOP	   4
#define TIOCPKT_START	   8
#define TIOCPKT_NOSTOP	   16
#define TIOCPKT_DOSTOP	   32
#define TIOCPKT_IOCTL	   64

#endif
