"""What the kernel of a guest says of its PUs, caches and nodes: the oracle of check.py, which asks neither hwloc nor the
program."""
import collections
import re

# The placements that a relation of two PUs has the name of, the closest first.
RELATIONS = ("smt", "shared-l2", "shared-l3", "same-node", "cross-node")
# Whether two PUs may sit so; a farther relation says nothing of what they share besides.
ALSO = ("cross-node", "cross-package")


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
        if self.core_of[first] == self.core_of[second]:
            return "smt"
        for level in (2, 3):
            if self.shared(level, first, second):
                return f"shared-l{level}"
        return "same-node" if self.node_of[first] == self.node_of[second] else "cross-node"

    def keeps(self, placement, first, second):
        """Whether two PUs are what a placement promises."""
        if placement == "cross-node":
            return self.node_of[first] != self.node_of[second]
        if placement == "cross-package":
            return self.package_of[first] != self.package_of[second]
        return self.relation(first, second) == placement

    def pairs(self, placement):
        return [(one, two) for one in self.pus for two in self.pus if one < two and self.keeps(placement, one, two)]

    def broken(self, placement, seats):
        """What a team breaks of its placement, in words; "" if nothing."""
        if placement == "near":
            return ""
        if placement == "same-core":
            return "" if len(set(seats)) == 1 else "several PUs"
        if len(seats) == 2 and not self.keeps(placement, *seats):
            return f"PUs {seats[0]} and {seats[1]} are {self.relation(*seats)}"
        group = {"smt": self.core_of.get, "shared-l2": self.cache_of[2].get, "shared-l3": self.cache_of[3].get,
                 "same-node": self.node_of.get, "cross-node": self.node_of.get,
                 "cross-package": self.package_of.get}[placement]
        groups = [group(pu) for pu in seats]
        if placement in ALSO:
            if set(groups[::2]) & set(groups[1::2]) or len(set(groups)) != 2:
                return f"workers in turn lie on {groups}"
            return ""
        if len(set(groups)) != 1 or groups[0] is None:
            return "not all in one"
        if placement in ("smt", "shared-l3") and len(seats) == len(groups[0]) != len(set(seats)):
            return f"{len(seats)} workers leave some of PUs {sorted(groups[0])} idle"
        return ""
