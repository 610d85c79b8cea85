# HARRIER_SYSTEMD_DIR(VARIABLE, FALLBACK, WHAT): where a kind of systemd's files goes. With the prefix /usr that is what the host's systemd
# says. With another it is below the prefix, so that nothing is written outside; systemd looks below /usr/local as well.
AC_DEFUN([HARRIER_SYSTEMD_DIR], [
AC_ARG_WITH([$1],
    [AS_HELP_STRING([--with-$1=DIR], [where $3 is installed (default with prefix /usr: where systemd says, else PREFIX/lib/$2)])],
    [$1=$withval],
    [$1='${prefix}/lib/$2'
     AS_IF([test "$prefix" = /usr], [PKG_CHECK_VAR([SYSTEMD_$1], [systemd], [$1], [$1=$SYSTEMD_$1])])])
AC_SUBST([$1])
])
