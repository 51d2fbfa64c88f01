"""Nobody else gets the faulty layer."""

import pytest
from channels.layers import channel_layers


@pytest.fixture(autouse=True)
def usual_layer_afterwards():
    yield
    channel_layers.backends.clear()
