package storage

import (
	"strings"

	"dualbank/kvstore"
)

// maxPartitions is how many partitions a name space holds.
const maxPartitions = 3

// NameSpace is the global KVStore API (kv_set, kv_get ...): names of the form [/]partition/key. A name
// without a second slash is a key of the first partition, the default. It is not safe for use by
// several goroutines at once.
type NameSpace struct {
	parts   []*Partition
	pending *Partition // whose incremental set was begun last
}

// Attach adds a partition; the first is the default. ErrOutOfResources if there are three already.
func (n *NameSpace) Attach(p *Partition) error {
	if len(n.parts) == maxPartitions {
		return kvstore.ErrOutOfResources
	}
	n.parts = append(n.parts, p)
	return nil
}

// lookUp splits a name. As in the reference the partition is compared on the length given, in the
// order of attachment: "k/key" and even "//key" lead to a first partition "kv".
func (n *NameSpace) lookUp(name string) (p *Partition, key string, err error) {
	if len(n.parts) == 0 {
		return nil, "", kvstore.ErrNotReady
	}
	name = strings.TrimPrefix(name, "/")
	part, key, ok := strings.Cut(name, "/")
	if !ok {
		return n.parts[0], name, nil
	}
	for _, p := range n.parts {
		if strings.HasPrefix(p.Name, part) && (p.Name == part || !p.repairs.Has(kvstore.RepairPartitionName)) {
			return p, key, nil
		}
	}
	return nil, "", kvstore.ErrItemNotFound
}

// Open opens all partitions.
func (n *NameSpace) Open() error {
	n.pending = nil
	for _, p := range n.parts {
		if err := p.Open(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all partitions, and returns the first error.
func (n *NameSpace) Close() (err error) {
	for _, p := range n.parts {
		if e := p.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Set stores value under name. Flags that the partition's storage type does not know are dropped.
func (n *NameSpace) Set(name string, value []byte, flags kvstore.Flags) error {
	p, key, err := n.lookUp(name)
	if err != nil {
		return err
	}
	return p.Main.Set(key, value, flags&p.Mask)
}

// Get reads the value of name from offset on. ErrItemNotFound too if there is no such partition.
func (n *NameSpace) Get(name string, buf []byte, offset uint32) (int, error) {
	p, key, err := n.lookUp(name)
	if err != nil {
		return 0, err
	}
	return p.Main.Get(key, buf, offset)
}

// Info returns size and flags of name.
func (n *NameSpace) Info(name string) (kvstore.Info, error) {
	p, key, err := n.lookUp(name)
	if err != nil {
		return kvstore.Info{}, err
	}
	return p.Main.Info(key)
}

// Remove deletes name.
func (n *NameSpace) Remove(name string) error {
	p, key, err := n.lookUp(name)
	if err != nil {
		return err
	}
	return p.Main.Remove(key)
}

// SetStart begins an incremental set. The reference's global API has none; it goes to the partition's
// store, and so do the adds and the finalize after it.
func (n *NameSpace) SetStart(name string, size uint32, flags kvstore.Flags) error {
	p, key, err := n.lookUp(name)
	if err != nil {
		return err
	}
	n.pending = p
	return p.Main.SetStart(key, size, flags&p.Mask)
}

// SetAdd appends data to the set begun last.
func (n *NameSpace) SetAdd(data []byte) error {
	if n.pending == nil {
		return kvstore.ErrInvalidArgument
	}
	return n.pending.Main.SetAdd(data)
}

// SetFinalize finishes the set begun last.
func (n *NameSpace) SetFinalize() error {
	if n.pending == nil {
		return kvstore.ErrInvalidArgument
	}
	return n.pending.Main.SetFinalize()
}

// Iterate lists the names of one partition that begin with prefix, which is split as a name is. The
// names come with the partition as prefix spells it.
func (n *NameSpace) Iterate(prefix string) (kvstore.Iterator, error) {
	p, key, err := n.lookUp(prefix)
	if err != nil {
		return nil, err
	}
	it, err := p.Main.Iterate(key)
	if err != nil {
		return nil, err
	}
	return &nameIterator{it, prefix[:len(prefix)-len(key)]}, nil
}

// Reset removes every key of every partition.
func (n *NameSpace) Reset() error {
	for _, p := range n.parts {
		if err := p.Main.Reset(); err != nil {
			return err
		}
	}
	return nil
}

// ResetPartition is kv_reset: it removes every key of the partition that name leads to as the name of a
// key would. Without a second slash that is the default partition, whatever the name;
// ErrItemNotFound if there is none with that name.
func (n *NameSpace) ResetPartition(name string) error {
	p, _, err := n.lookUp(name)
	if err != nil {
		return err
	}
	return p.Main.Reset()
}

// nameIterator puts the partition before the keys.
type nameIterator struct {
	kvstore.Iterator
	partition string
}

func (it *nameIterator) Next() (string, error) {
	key, err := it.Iterator.Next()
	if err != nil {
		return "", err
	}
	return it.partition + key, nil
}
