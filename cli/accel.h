/* Which accelerator to use. */
#ifndef CLI_ACCEL_H
#define CLI_ACCEL_H

/* wanted: auto, tcg or kvm. auto gives kvm only where a trial showed that it runs the kernel; the
 * answer is remembered in the user's cache. Returns tcg or kvm. */
const char *accel_choose(const char *wanted, const char *kernel);

#endif
