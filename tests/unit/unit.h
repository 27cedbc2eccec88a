/* unit: what every unit test starts with. */
#ifndef SONDE_TESTS_UNIT_H
#define SONDE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of so many inputs that chance makes, those that are tried: fewer under TSan, which looks for
 * races and takes ten times as long for each. */
#ifdef __SANITIZE_THREAD__
#define BY_CHANCE(n) (1 + (n) / 5)
#else
#define BY_CHANCE(n) (n)
#endif

#endif
