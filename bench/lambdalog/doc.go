// Package lambdalog reads and prints the lines that AWS Lambda writes about
// invocations: REPORT, INIT_REPORT, RESTORE_REPORT, START, END and their
// relatives, and the platform.* events of the JSON log format.
//
// It is opinionated about numbers. A value is read by the name in front of it,
// never by its place, because the places differ between Lambda's years and
// between Lambda and its emulators. A value that a line lacks is missing, which
// is not zero. A number that is not a plain decimal followed by the unit that
// belongs to its name is an error that says where, and a line that was cut off
// yields an error or the values before the cut, never a shortened number.
//
// It reads what people have: tabs, blanks, line breaks or a backslash and a t
// between fields, lines behind a timestamp, a log stream or a service name,
// lines inside JSON or CSV exports. It prints one form only, the one that AWS
// prints.
//
// It does not judge: whether an invocation counts, and as what, is for callers.
package lambdalog
