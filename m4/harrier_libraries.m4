# The libraries that Harrier is built on. What is missing is collected, and named at the end in one message.

# HARRIER_LIBRARY(PREFIX, MODULES, DEBIAN-PACKAGE): PREFIX_CFLAGS and PREFIX_LIBS from pkg-config.
AC_DEFUN([HARRIER_LIBRARY], [
PKG_CHECK_MODULES([$1], [$2],
    [HARRIER_CFLAGS="$HARRIER_CFLAGS $$1_CFLAGS"; HARRIER_LIBS="$HARRIER_LIBS $$1_LIBS"],
    [harrier_missing="$harrier_missing
    $2 (Debian package $3)"
     harrier_missing_packages="$harrier_missing_packages $3"])
])

# llhttp where it is found, else http-parser, which has no .pc file.
AC_DEFUN([HARRIER_HTTP_PARSER], [
PKG_CHECK_MODULES([LLHTTP], [libllhttp], [harrier_http_parser=llhttp], [harrier_http_parser=http-parser])
AS_IF([test "$harrier_http_parser" = llhttp],
    [HARRIER_CFLAGS="$HARRIER_CFLAGS $LLHTTP_CFLAGS"
     HARRIER_LIBS="$HARRIER_LIBS $LLHTTP_LIBS"
     AC_DEFINE([HAVE_LLHTTP], [1], [HTTP/1.1 is parsed by llhttp, else by http-parser])],
    [AC_CHECK_HEADER([http_parser.h],
        [AC_CHECK_LIB([http_parser], [http_parser_execute], [:], [harrier_http_parser=])], [harrier_http_parser=])
     AS_IF([test -n "$harrier_http_parser"], [HARRIER_LIBS="$HARRIER_LIBS -lhttp_parser"],
        [harrier_missing="$harrier_missing
    libllhttp or http_parser (Debian package libhttp-parser-dev)"
         harrier_missing_packages="$harrier_missing_packages libhttp-parser-dev"])])
])

AC_DEFUN([HARRIER_LIBRARIES_END], [
AS_IF([test -n "$harrier_missing"], [AC_MSG_ERROR([these libraries are missing or too old:
$harrier_missing

On Debian: apt-get install$harrier_missing_packages])])
AC_SUBST([HARRIER_CFLAGS])
AC_SUBST([HARRIER_LIBS])
])
