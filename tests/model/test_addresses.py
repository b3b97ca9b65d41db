"""Networks of addresses, as `ipaddress` would have them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.addresses import neighbourhood, site_of


@given(st.ip_addresses())
def test_networks_are_those_of_the_standard_library(address):
    bits = {4: (24, 16), 6: (64, 48)}[address.version]
    expected = [str(ipaddress.ip_network((address, n), strict=False)) for n in bits]
    assert [neighbourhood(str(address)), site_of(str(address))] == expected


def test_the_zone_of_a_link_is_none_of_the_network():
    assert neighbourhood("fe80::1%eth0") == "fe80::/64"


@pytest.mark.parametrize(
    "text", ["", "www.example.org", "10.0.0", "fd00::g", "1.2.3.4:5"]
)
def test_what_is_no_address_has_no_network(text):
    with pytest.raises(ValueError, match="does not appear to be"):
        neighbourhood(text)
