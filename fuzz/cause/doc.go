// Package cause finds out why a case breaks a rule: it changes one thing after the other and replays, until the case
// no longer shows what it showed. What made it vanish is the cause, and the cure. It knows cases and remedies
// (explore.Curable, explore.Remedy), and no store and no bootloader: subjects say which remedies they have, and how
// they are applied.
//
// The way of a campaign's findings:
//
//  1. Attribute takes up to three variants of each finding, each on another device or in another mode.
//  2. For each it tries the remedies of the environment: other cells, another driver, no watchdog. What removes
//     the finding says what it needs.
//  3. It tries every repair alone, switched on after the fault: the software finds the same flash. If none removes
//     the finding, every repair alone from the start, with the fault at any step that does the same; then pairs of
//     repairs. Where cells read differently from time to time, a remedy must hold with twenty seeds.
//  4. Of the repairs that remove it one gives the cause its name: one for that environment, or the most specific
//     one, as the subject lists them. Where no repair does, the environment gives it. What nothing removes
//     is unknown, and goes by the mode, the error and the ECC of its case.
//  5. A finding whose variants have different causes becomes several. Rows puts the findings of one cause together,
//     unknown ones first.
//  6. A Memo keeps what was found out about a case; a Lesson carries it to another process.
//
// What holds: the result is a function of the findings. A case is in one row. Two cases of a row are never such that
// one repair removes the first alone and another one the second alone.
package cause
