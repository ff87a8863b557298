// Package lambdalog reads and prints the lines that AWS Lambda writes about
// invocations: REPORT, INIT_REPORT, RESTORE_REPORT, START, END and their
// relatives, and the platform.* events of the JSON log format.
//
// A value is read by the name in front of it, never by its place: places differ
// between years and between Lambda and its emulators. A value that a line lacks
// is missing, not zero. A number that is not a plain decimal with its unit is an
// error that says where; a line that was cut off never yields a shortened number.
//
// It reads what people have: quoted tabs, lines behind timestamps, log streams or
// service names, in JSON or CSV exports. It prints one form, AWS's. Whether an
// invocation counts, and as what, is for callers.
package lambdalog
