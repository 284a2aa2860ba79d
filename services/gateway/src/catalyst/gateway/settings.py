"""Settings of the gateway: `GATEWAY_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis import forms
from catalyst.chassis.settings import BrokerSettings, Count, Rate, WholeSeconds


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What the gateway can be told."""

    projector_url: forms.InnerAddress = ""
    """Inner address of the projector; empty where reads are served elsewhere."""
    git_url: forms.InnerAddress = ""
    """Inner address of the environment-controller, which keeps the Git homes; empty for none."""
    public_url: forms.PublicAddress = ""
    """Address that people use, such as `https://catalyst.example.org`. With `https` the session
    cookie is for HTTPS alone. Empty: plain HTTP, whatever the host."""
    cors_origins: forms.Origins = ""
    """Other origins whose pages may call with a token, separated by spaces; never with cookies."""
    trusted_proxies: forms.Networks = ""
    """Networks of the proxies in front, such as `10.0.0.0/8`, separated by spaces: only from there
    is `X-Forwarded-For` believed."""
    rate_per_subject: Rate = 200.0
    """Requests a second of one person or service, on average; reads and streams count, too."""
    burst_per_subject: Count = 400
    """Requests of one person or service at once."""
    rate_per_address: Rate = 400.0
    """Requests a second from one address (IPv6: one /64 network), on average; beyond, only those
    with a token that holds pass."""
    burst_per_address: Count = 800
    """Requests from one address at once."""
    refusals_per_address: Rate = 1.0
    """Bad tokens a second from one address, on average; 30 at once."""
    max_followers: Count = 100
    """Streams of events that may be open at once."""
    max_followers_per_subject: Count = 20
    """Streams of events of one person or service that may be open at once."""
    max_wait_seconds: WholeSeconds = 30
    """Longest time for which a request is held open for an outcome."""
