"""What guests get from a host: addresses, neighbours, and nothing that belongs to others."""

from dataclasses import replace

from pileus_network import rpc


def test_a_guest_gets_its_lease_and_speaks_to_its_neighbour(host, cloud, words):
    network = cloud.network(subnets=())
    subnet = rpc.Subnet(
        cloud.id(),
        "10.5.0.0/24",
        4,
        "10.5.0.1",
        True,
        dns=("9.9.9.9",),
        routes=(rpc.Route("10.99.0.0/16", "10.5.0.7"),),
    )
    network = cloud.change(network, subnets=(subnet,))
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    a = cloud.port(
        network,
        "10.5.0.11",
        hostname="alpha",
        security_groups=(group.id,),
        dhcp_options=(rpc.DhcpOption("ntp-server", "10.5.0.123"),),
    )
    b = cloud.port(network, "10.5.0.12", security_groups=(group.id,))
    report = host.apply(cloud.state)
    assert set(report.ports) == {port.id for port in cloud.state.ports}
    alpha, beta = host.guest(a), host.guest(b)
    lease, other = alpha.dhcp(), beta.dhcp()
    assert (lease["ip"], lease["mask"], lease["mtu"], lease["dns"], lease["router"]) == (
        "10.5.0.11",
        "24",
        "1450",
        "9.9.9.9",
        "10.5.0.1",
    )
    assert lease["staticroutes"] == "10.99.0.0/16 10.5.0.7 169.254.169.254/32 10.5.0.2 0.0.0.0/0 10.5.0.1"
    assert (lease["hostname"], lease["domain"], lease["ntpsrv"]) == ("alpha", "example.org", "10.5.0.123")
    assert other["ip"] == "10.5.0.12" and other["hostname"] == "host-10-5-0-12" and "ntpsrv" not in other
    assert alpha.pings("10.5.0.12") and beta.pings("10.5.0.11")
    assert alpha.works("busybox ping -c 1 -W 2 -s 5000 10.5.0.12"), "what comes in fragments arrives, too"


def test_an_empty_state_leaves_nothing_behind(host, cloud, words):
    network = cloud.network()
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    host.apply(cloud.state)
    assert host.leftovers()
    host.apply(cloud.empty())
    assert host.leftovers() == ""


def test_nothing_changes_when_nothing_is_to_change(host, cloud, words):
    network = cloud.network()
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    first = host.apply(cloud.state)
    look = "ip -o link | cut -d: -f1,2; ip netns; pgrep dnsmasq; bridge fdb | grep permanent; nft -a list ruleset"
    before = host.sh(look)
    assert host.apply(replace(cloud.state, generation=2)) == first
    assert host.sh(look) == before
    host.crash()
    assert host.apply(cloud.state) == first
    assert host.sh(look.replace("nft -a", "nft")) != "" and host.sh("pgrep dnsmasq") in before


def test_one_more_port_touches_nothing_that_is_there(host, cloud, words):
    network = cloud.network()
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    for n in range(11, 31):
        cloud.port(network, f"10.5.0.{n}", security_groups=(group.id,))
    host.apply(cloud.state)
    look = "ip -o link | cut -d: -f1,2; pgrep dnsmasq; nft -a list ruleset | grep '# handle'"
    before = host.sh(look).splitlines()
    cloud.port(network, "10.5.0.31", security_groups=(group.id,))
    host.apply(cloud.state)
    after = host.sh(look).splitlines()
    assert [line for line in before if line not in after] == []
    assert len(after) > len(before)


def test_a_port_that_is_switched_off_and_on_again_keeps_its_guest(host, cloud, words):
    """The guest has the tap open; a tap that was created again would lead nowhere."""
    network, group = cloud.network(), cloud.group(*words.ALL)
    a = cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    b = cloud.port(network, "10.5.0.12", security_groups=(group.id,))
    host.apply(cloud.state)
    alpha, beta = host.guest(a), host.guest(b)
    alpha.use()
    beta.use()
    assert beta.pings("10.5.0.11")
    off = cloud.change(a, admin_up=False)
    assert set(host.apply(cloud.state).ports) == {b.id}
    assert not beta.pings("10.5.0.11", count=1)
    assert set(host.apply(cloud.state, thorough=True).ports) == {b.id}
    cloud.change(off, admin_up=True)
    assert set(host.apply(cloud.state).ports) == {a.id, b.id}
    assert beta.pings("10.5.0.11") and alpha.pings("10.5.0.12")
