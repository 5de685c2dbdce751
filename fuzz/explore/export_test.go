package explore

import "context"

// Starts is where the steps of an input begin, for tests of other packages.
func Starts(t *Target, data []byte) []int { return t.starts(data) }

// Places is how many places a guided search reaches, or one that tries random bytes alone.
func Places(t *Target, seed, runs uint64, guided bool) (int, error) {
	l := newIsland(t, nil, seed, 0, &Pool{})
	l.blind = !guided
	err := l.search(context.Background(), runs, nil)
	return len(l.been), err
}

// RuleText is the text of a rule.
func RuleText(subject string, rule int) string { return ruleText(subject, rule) }

// Weigh is Recording.weigh.
func Weigh(r *Recording, steps []uint64, took func(*Call) uint64) []uint64 {
	return r.weigh(steps, took)
}
