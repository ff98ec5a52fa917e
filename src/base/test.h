// What every unit test includes: cmocka with the headers it wants before it, and the table of tests by name.
#ifndef SOK_BASE_TEST_H
#define SOK_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_ok(call) assert_int_equal(SOK_OK, (call))

#endif
