# Flags of compiler and linker. Each is asked for with -Werror, so that one that a compiler takes with a shrug is left out.

# HARRIER_CC_FLAG(VARIABLE, FLAGS): adds FLAGS to VARIABLE where the compiler takes them.
AC_DEFUN([HARRIER_CC_FLAG], [
AS_VAR_PUSHDEF([cached], [harrier_cv_cc_$2])
AC_CACHE_CHECK([whether $CC takes $2], [cached], [
    harrier_saved=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[]])], [AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
    CFLAGS=$harrier_saved])
AS_VAR_IF([cached], [yes], [$1="$$1 $2"])
AS_VAR_POPDEF([cached])
])

# HARRIER_LD_FLAG(VARIABLE, FLAGS): the same for the linker.
AC_DEFUN([HARRIER_LD_FLAG], [
AS_VAR_PUSHDEF([cached], [harrier_cv_ld_$2])
AC_CACHE_CHECK([whether $CC links with $2], [cached], [
    harrier_saved=$LDFLAGS
    LDFLAGS="$LDFLAGS -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])], [AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
    LDFLAGS=$harrier_saved])
AS_VAR_IF([cached], [yes], [$1="$$1 $2"])
AS_VAR_POPDEF([cached])
])

# --with-sanitizer=address,undefined | thread
AC_DEFUN([HARRIER_SANITIZER], [
AC_ARG_WITH([sanitizer],
    [AS_HELP_STRING([--with-sanitizer=NAMES], [build everything with -fsanitize=NAMES: address,undefined or thread])],
    [harrier_sanitizer=$withval], [harrier_sanitizer=no])
AS_IF([test "$harrier_sanitizer" = yes], [harrier_sanitizer=address,undefined])
AS_IF([test "$harrier_sanitizer" != no], [
    harrier_flags="-fsanitize=$harrier_sanitizer -fno-omit-frame-pointer"
    AS_CASE([",$harrier_sanitizer,"], [*,undefined,*], [harrier_flags="$harrier_flags -fno-sanitize-recover=undefined"])
    harrier_saved_cflags=$CFLAGS; CFLAGS="$CFLAGS $harrier_flags"
    AC_MSG_CHECKING([whether $CC links with -fsanitize=$harrier_sanitizer])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])], [AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])
         AC_MSG_ERROR([$CC cannot link with -fsanitize=$harrier_sanitizer; for clang on Debian: apt-get install libclang-rt-14-dev])])
    CFLAGS=$harrier_saved_cflags
    SANITIZER_FLAGS=$harrier_flags])
AC_SUBST([SANITIZER_FLAGS])
])

# --enable-fuzzers: libFuzzer drives tests/fuzz (clang). Without it the same programs replay their corpus, in "make check".
AC_DEFUN([HARRIER_FUZZERS], [
AC_ARG_ENABLE([fuzzers], [AS_HELP_STRING([--enable-fuzzers], [build tests/fuzz with libFuzzer (needs CC=clang); run them with "make fuzz"])],
    [harrier_fuzzers=$enableval], [harrier_fuzzers=no])
AS_IF([test "$harrier_fuzzers" = yes], [
    harrier_saved_cflags=$CFLAGS; CFLAGS="$CFLAGS -fsanitize=fuzzer"
    AC_MSG_CHECKING([whether $CC links with -fsanitize=fuzzer])
    AC_LINK_IFELSE([AC_LANG_SOURCE([[
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { (void)data; (void)size; return 0; }]])], [AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])
         AC_MSG_ERROR([--enable-fuzzers needs clang and its libFuzzer: CC=clang; on Debian: apt-get install clang libclang-rt-14-dev])])
    CFLAGS=$harrier_saved_cflags
    SANITIZER_FLAGS="$SANITIZER_FLAGS -fsanitize=fuzzer-no-link"
    FUZZER_LDFLAGS=-fsanitize=fuzzer])
AC_SUBST([FUZZER_LDFLAGS])
AM_CONDITIONAL([FUZZERS], [test "$harrier_fuzzers" = yes])
])

# --enable-werror
AC_DEFUN([HARRIER_WARNINGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [a warning is an error])], [harrier_werror=$enableval], [harrier_werror=no])
m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wconversion],
    [HARRIER_CC_FLAG([WARNING_CFLAGS], flag)])
AS_IF([test "$harrier_werror" = yes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"; harrier_werror="are errors"], [harrier_werror="are shown"])
AC_SUBST([WARNING_CFLAGS])
])

# What a daemon that reads an attacker's bytes is built with. A sanitizer wants to see the bare program, so it goes without.
AC_DEFUN([HARRIER_HARDENING], [
AS_IF([test "$harrier_sanitizer$harrier_fuzzers" = nono], [
    HARRIER_CC_FLAG([HARDENING_CFLAGS], [-fstack-protector-strong])
    HARRIER_CC_FLAG([HARDENING_CFLAGS], [-fstack-clash-protection])
    HARRIER_CC_FLAG([HARDENING_CFLAGS], [-fPIE])
    harrier_fortified=
    AS_CASE([" $CPPFLAGS $CFLAGS "], [*_FORTIFY_SOURCE*], [],
        [HARRIER_CC_FLAG([harrier_fortified], [-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3])
         AS_IF([test -z "$harrier_fortified"], [HARRIER_CC_FLAG([harrier_fortified], [-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2])])])
    HARDENING_CFLAGS="$HARDENING_CFLAGS$harrier_fortified"
    HARRIER_LD_FLAG([HARDENING_LDFLAGS], [-pie])
    HARRIER_LD_FLAG([HARDENING_LDFLAGS], [-Wl,-z,relro])
    HARRIER_LD_FLAG([HARDENING_LDFLAGS], [-Wl,-z,now])])
AC_SUBST([HARDENING_CFLAGS])
AC_SUBST([HARDENING_LDFLAGS])
])
