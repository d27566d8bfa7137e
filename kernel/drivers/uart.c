/*
 * The 16550 serial port as the log's sink: polled, output only. The log calls write() on one CPU at
 * a time, so there is no lock; a port that does not take its bytes is given up after a bounded
 * wait, not waited for.
 */
#include <kern/boot.h>
#include <kern/log.h>
#include <kern/string.h>
#include <kern/uart.h>
#include <arch/cpu.h>
#include <arch/device.h>

/* Registers from the base port on (PC16550D data sheet). */
enum {
	UART_BASE = 0x3f8,
	UART_DATA = 0,
	UART_DIVISOR_LOW = 0, /* with LINE_DIVISOR */
	UART_INTERRUPTS = 1,
	UART_DIVISOR_HIGH = 1,
	UART_FIFO = 2,
	UART_LINE = 3,
	UART_MODEM = 4,
	UART_STATUS = 5,
	UART_SCRATCH = 7,
	LINE_8N1 = 3,
	LINE_DIVISOR = 0x80,
	FIFO_ENABLE_CLEAR = 7,
	MODEM_DTR_RTS = 3,
	STATUS_CAN_SEND = 0x20,
	FIFO_LEN = 16,
	MAX_POLLS = 200000,
};

static bool is_registered;
static bool is_stuck;

static uint8_t reg_read(unsigned reg)
{
	return arch_port_read8((uint16_t)(UART_BASE + reg));
}

static void reg_write(unsigned reg, uint8_t value)
{
	arch_port_write8((uint16_t)(UART_BASE + reg), value);
}

static bool wait_for_room(void)
{
	for (unsigned i = 0; i < MAX_POLLS; i++) {
		if (reg_read(UART_STATUS) & STATUS_CAN_SEND)
			return true;
		arch_cpu_relax();
	}
	is_stuck = true;
	return false;
}

/* An empty FIFO takes FIFO_LEN bytes: one look at the status serves that many. */
static void uart_write(const char *text, size_t len_bytes)
{
	unsigned room = 0;

	for (size_t i = 0; i < len_bytes && !is_stuck; i++) {
		if (room < 2) {
			if (!wait_for_room())
				return;
			room = FIFO_LEN;
		}
		if (text[i] == '\n') {
			reg_write(UART_DATA, '\r');
			room--;
		}
		reg_write(UART_DATA, (uint8_t)text[i]);
		room--;
	}
}

static struct log_sink uart_sink = {.write = uart_write};

static bool is_present(void)
{
	reg_write(UART_SCRATCH, 0x5a);
	if (reg_read(UART_SCRATCH) != 0x5a)
		return false;
	reg_write(UART_SCRATCH, 0xa5);
	return reg_read(UART_SCRATCH) == 0xa5;
}

void uart_console_force(void)
{
	is_stuck = false;
	if (is_registered || !is_present())
		return;
	is_registered = true;
	reg_write(UART_INTERRUPTS, 0);
	reg_write(UART_LINE, LINE_DIVISOR);
	reg_write(UART_DIVISOR_LOW, 1); /* 115200 bit/s */
	reg_write(UART_DIVISOR_HIGH, 0);
	reg_write(UART_LINE, LINE_8N1);
	reg_write(UART_FIFO, FIFO_ENABLE_CLEAR);
	reg_write(UART_MODEM, MODEM_DTR_RTS);
	log_add_sink(&uart_sink);
}

void uart_console_init(void)
{
	char value[16];

	if (boot_option("console", value, sizeof(value)) && strcmp(value, "off") == 0)
		return;
	uart_console_force();
}
