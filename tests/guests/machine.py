"""What the kernel of a guest says of its PUs, caches and nodes: the oracle of check.py, which asks neither hwloc nor the
program."""
import collections
import re

# Placements whose workers sit in two groups in turn.
IN_TURN = ("cross-node", "farthest-node", "cross-package")


def numbers(text):
    """The numbers of a list of the kernel's: "0-2,5"."""
    found = set()
    for part in text.strip().split(","):
        if part:
            low, _, high = part.partition("-")
            found |= set(range(int(low), int(high or low) + 1))
    return frozenset(found)


class Machine:
    def __init__(self, facts):
        """`facts`: lines "node/node0/cpulist:0-3" of files below /sys/devices/system."""
        self.node_of, self.distance, self.memory_kib = {}, {}, {}
        self.core_of, self.package_of = {}, {}
        self.with_pus = set()
        caches = collections.defaultdict(dict)
        for path, _, value in (line.partition(":") for line in facts.splitlines()):
            parts = path.split("/")
            number = int(re.sub(r"\D", "", parts[1]) or -1) if len(parts) > 1 else -1
            if parts[-1] == "cpulist":
                self.node_of.update({pu: number for pu in numbers(value)})
                self.with_pus |= {number} if numbers(value) else set()
            elif parts[-1] == "distance":
                self.distance[number] = [int(word) for word in value.split()]
            elif parts[-1] == "meminfo":
                self.memory_kib[number] = int(re.search(r"MemTotal: +(\d+)", value).group(1))
            elif parts[-1] == "physical_package_id":
                self.package_of[number] = int(value)
            elif parts[-1] == "thread_siblings_list":
                self.core_of[number] = numbers(value)
            elif parts[-1] in ("level", "shared_cpu_list"):
                caches[number, parts[3]][parts[-1]] = value
        self.cache_of = collections.defaultdict(dict)  # level to PU to the PUs that share it
        for (pu, _), cache in caches.items():
            self.cache_of[int(cache["level"])][pu] = numbers(cache["shared_cpu_list"])
        self.pus = sorted(self.core_of)
        self.with_memory = {node for node, kib in self.memory_kib.items() if kib}

    def shared(self, level, first, second):
        return second in self.cache_of[level].get(first, ())

    def relation(self, first, second):
        """What two PUs have in common, the closest first."""
        if self.core_of[first] == self.core_of[second]:
            return "smt"
        for level in (2, 3):
            if self.shared(level, first, second):
                return f"shared-l{level}"
        if self.package_of[first] != self.package_of[second]:
            return "cross-package"
        return "same-node" if self.node_of[first] == self.node_of[second] else "cross-node"

    def keeps(self, placement, first, second):
        """Whether two PUs are what a placement promises."""
        if placement in ("cross-node", "farthest-node"):
            return self.node_of[first] != self.node_of[second]
        if placement == "cross-package":
            return self.package_of[first] != self.package_of[second]
        return self.relation(first, second) == placement

    def groups(self, placement):
        """The groups of PUs in which the workers of a placement sit."""
        of = {"smt": self.core_of, "shared-l2": self.cache_of[2], "shared-l3": self.cache_of[3],
              "cross-package": self.package_of}.get(placement, self.node_of)
        found = collections.defaultdict(list)
        for pu in self.pus:
            if pu in of:
                found[of[pu]].append(pu)
        return list(found.values())

    def apart(self, pus):
        """How many of these PUs can be had of which no two have a cache in common."""
        kept = []
        for pu in pus:
            if all(self.relation(pu, other) in ("same-node", "cross-node", "cross-package") for other in kept):
                kept.append(pu)
        return len(kept)

    def most(self, placement):
        """The most workers that a placement has a PU for each; 0: not even two."""
        groups = self.groups(placement)
        if placement in IN_TURN:
            return max((min(2 * len(even), 2 * len(odd) + 1) for even in groups for odd in groups if even is not odd),
                       default=0)
        if placement == "same-node":
            counts = [self.apart(group) for group in groups]
        else:
            counts = [len(group) for group in groups
                      if any(self.keeps(placement, one, two) for one in group for two in group if one != two)]
        return max((count for count in counts if count > 1), default=0)

    def away(self, one, two):
        return self.distance[one][two] + self.distance[two][one]

    def broken(self, placement, seats):
        """What a team breaks of its placement, in words; "" if nothing."""
        if placement == "near":
            return "" if len(set(seats)) == min(len(seats), len(self.pus)) else "a PU is idle and another has two"
        if placement == "same-core":
            return "" if len(set(seats)) == 1 else "several PUs"
        if len(set(seats)) != len(seats):
            return "two workers share a PU"
        if not self.keeps(placement, *seats[:2]):
            return f"PUs {seats[0]} and {seats[1]} are {self.relation(*seats[:2])}"
        sides = [seats[::2], seats[1::2]] if placement in IN_TURN else [seats]
        for side in sides:
            if not any(set(side) <= set(group) for group in self.groups(placement)):
                return f"PUs {side} are not in one"
        if placement == "same-node" and self.apart(seats) != len(seats):
            return "two have a cache in common"
        if placement in ("cross-node", "farthest-node"):
            chosen = self.away(self.node_of[seats[0]], self.node_of[seats[1]])
            groups = self.groups(placement)
            others = [self.away(self.node_of[even[0]], self.node_of[odd[0]]) for even in groups for odd in groups
                      if even is not odd and min(2 * len(even), 2 * len(odd) + 1) >= len(seats)]
            if chosen != (min if placement == "cross-node" else max)(others):
                return f"nodes {chosen} apart, of {sorted(set(others))}"
        return ""
