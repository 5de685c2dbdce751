package circle

// A needs B.
func A() int { return B() + 1 }

// C needs nothing.
func C() int { return 1 }
