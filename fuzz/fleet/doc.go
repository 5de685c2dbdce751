// Package fleet explores one campaign on many machines, with NATS JetStream between them.
//
// A campaign takes these steps:
//
//  1. The collector (Collect) makes a Definition: what the campaign is, of which program, and how many chunks its sweeps
//     have. Its name is a hash of that. It publishes a message for each piece of work, a few consecutive chunks.
//  2. Workers (Work) look for definitions of their own program, build the campaign, take pieces, explore them with
//     fuzz.Campaign.Explore, and publish the lines of the journals. They acknowledge a piece when its result is stored;
//     a piece whose worker dies is delivered again. A guided search goes in rounds: the worker whose result completes one
//     publishes the pieces of the next, and who takes one of them reads the results of the rounds before.
//  3. The collector appends each line to its journals (fuzz.Campaign.Keep), and then runs the campaign as one process
//     does: the journals have everything that is divided.
//  4. The first worker that comes to a finding tells its cause and story (Judge), and the collector does not judge that
//     case again. Watch follows definitions, results, causes and workers for whoever shows them (package board).
//
// Workers of another kind keep folders of inputs of the guided search's targets the same (Link.Share), for engines that
// search in them. The search of one target (Definition.Search) is a campaign that begins with these inputs (Link.Prepare);
// workers give new ones back.
//
// Invariants:
//
//   - The findings are byte for byte those of one process: they are made by the same code out of the same journals.
//   - A piece counts once, however often it is delivered: its result has a message identity, and equal lines of a
//     journal are one.
//   - A piece that has ended three workers is parked: it is told, and the rest goes on.
//   - No code travels. A worker of another version of this program takes no work, and says so.
//   - Whatever a message holds is bounded and checked; what is wrong is told in a line, and dropped.
package fleet
