"""The power states of guests, from libvirt's domain states and events."""

import libvirt

from pileus_compute.rpc import Power

POWER = {
    libvirt.VIR_DOMAIN_RUNNING: Power.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: Power.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: Power.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: Power.RUNNING,
    libvirt.VIR_DOMAIN_SHUTOFF: Power.STOPPED,
    libvirt.VIR_DOMAIN_CRASHED: Power.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: Power.PAUSED,
}
BY_ITSELF = {
    libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN,
    libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED,
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED,
    libvirt.VIR_DOMAIN_SHUTOFF_SAVED,
}
"""Reasons for which a guest is off by its own doing or ours. With all others its host went down."""


def power(domain: libvirt.virDomain) -> Power:
    """The guest's power state."""
    state, reason = domain.state()
    if state == libvirt.VIR_DOMAIN_SHUTOFF:
        if domain.hasManagedSaveImage():
            return Power.SUSPENDED
        if reason == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED:
            return Power.CRASHED
    return POWER[state]


def active(domain: libvirt.virDomain) -> bool:
    """Whether the guest runs or is paused."""
    return bool(domain.isActive())


def lost(domain: libvirt.virDomain) -> bool:
    """Whether the guest is off because its host went down."""
    state, reason = domain.state()
    return state == libvirt.VIR_DOMAIN_SHUTOFF and reason not in BY_ITSELF and not domain.hasManagedSaveImage()


def after(event: int, detail: int) -> Power | None:
    """The power state that a lifecycle event leads to; None if the event doesn't change it."""
    if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
        return {
            libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED: Power.CRASHED,
            libvirt.VIR_DOMAIN_EVENT_STOPPED_SAVED: Power.SUSPENDED,
        }.get(detail, Power.STOPPED)
    return {
        libvirt.VIR_DOMAIN_EVENT_STARTED: Power.RUNNING,
        libvirt.VIR_DOMAIN_EVENT_RESUMED: Power.RUNNING,
        libvirt.VIR_DOMAIN_EVENT_SUSPENDED: Power.PAUSED,
        libvirt.VIR_DOMAIN_EVENT_CRASHED: Power.CRASHED,
    }.get(event)
