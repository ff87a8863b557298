package runfile

import "slices"

// ListMeasured sets the plan's memory sizes and architectures to those of the
// header's configs.
func (h *Header) ListMeasured() {
	h.Plan.MemoryMB, h.Plan.Arch = nil, nil
	for _, c := range h.Configs {
		if !slices.Contains(h.Plan.MemoryMB, c.MemoryMB) {
			h.Plan.MemoryMB = append(h.Plan.MemoryMB, c.MemoryMB)
		}
		if !slices.Contains(h.Plan.Arch, c.Arch) {
			h.Plan.Arch = append(h.Plan.Arch, c.Arch)
		}
	}
}
