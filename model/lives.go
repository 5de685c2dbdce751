package model

// Draw draws after how many erases a sector of a part with that rating fails, at least 1. The median of
// the draws is Life times the rating.
func (l *WearLaw) Draw(rated uint32, r *Rand) uint32 { return l.life(rated, r) }
