/* The guest's own files: a few in /etc, and busybox under the names of its applets. */
#ifndef CLI_BASE_H
#define CLI_BASE_H

#include "libs.h"

/* The directories that the host has at its root, as they are there (on Debian /bin is a link). To
 * be called first. */
void base_add_layout(struct tree *tree);
/* /etc, /root, /tmp and so on, unless they are there. term: TERM of the guest, or NULL. */
void base_add_files(struct tree *tree, const char *term);
/* The host's busybox, and a link for each applet whose name is not in the tree; to be called last.
 * false: the host has none. */
bool base_add_busybox(struct libs *libs);
/* The host's C.UTF-8 locale, for programs that talk to a terminal. */
void base_add_locale(struct tree *tree);

#endif
