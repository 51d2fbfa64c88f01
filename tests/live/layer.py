"""A channel layer that loses, doubles and reorders what it is given, as a test says."""

import asyncio

from channels.layers import InMemoryChannelLayer, channel_layers


class FaultyLayer(InMemoryChannelLayer):
    """`fate` says what becomes of the next announcements: `kept`, `lost`, `doubled`, or `held` until
    `let_go`, which delivers them with the newest first."""

    def __init__(self):
        super().__init__(capacity=1000)
        self.fate = "kept"
        self.held: list[tuple[str, dict]] = []
        self.at_rest: set[str] = set()

    async def group_send(self, group, message):
        if self.fate == "held":
            self.held.append((group, message))
        for _ in range({"kept": 1, "doubled": 2}.get(self.fate, 0)):
            await super().group_send(group, message)

    async def let_go(self):
        for group, message in reversed(self.held):
            await super().group_send(group, message)
        self.held.clear()

    async def receive(self, channel):
        """A consumer asks for its next message only when it is done with the one before."""
        if channel not in self.channels or self.channels[channel].empty():
            self.at_rest.add(channel)
        try:
            return await super().receive(channel)
        finally:
            self.at_rest.discard(channel)

    async def rest(self):
        """Wait until every consumer has dealt with everything it was sent."""
        for _ in range(5000):
            await asyncio.sleep(0.001)
            listening = {channel for group in self.groups.values() for channel in group}
            waiting = {channel for channel, queue in self.channels.items() if not queue.empty()}
            if listening <= self.at_rest and not waiting & listening:
                return
        raise AssertionError(
            f"consumers do not come to rest: {listening - self.at_rest}, {waiting & listening}"
        )

    async def beat(self):
        """Every open socket's heart beats now."""
        listening = {channel for group in self.groups.values() for channel in group}
        for channel in listening:
            await self.send(channel, {"type": "heart.beat"})


def installed() -> FaultyLayer:
    """A new one, in place of the layer before."""
    layer = FaultyLayer()
    channel_layers.set("default", layer)
    return layer
