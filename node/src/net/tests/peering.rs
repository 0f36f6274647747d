use super::support::{Node, config};
use crate::net::{Multiaddr, NetError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_restarts_finds_its_peers_again_by_itself() {
    let mut b = Node::join(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let mut first = Node::start(config(folder.path(), b.net.listen_addrs().await)).await;
    first.see(1).await;
    let peer_id = first.net.peer_id();
    assert_eq!(b.see(1).await, [peer_id]);
    first.stop().await;

    let mut second = Node::start(config(folder.path(), Vec::new())).await;
    assert_eq!(second.net.peer_id(), peer_id);
    assert_eq!(second.see(1).await, [b.net.peer_id()]);
    assert_eq!(b.see(1).await, [peer_id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_returns_before_its_loss_is_noticed_joins_once_it_is() {
    let mut b = Node::join(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), b.net.listen_addrs().await);
    let lost = Node::start(config.clone()).await;
    b.see(1).await;
    // The same identity again, while B still holds the first connection.
    let mut returned = Node::start(config).await;
    returned.peer(b.net.peer_id(), |_| true).await;
    lost.stop().await;
    returned.see(1).await;
    b.see(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_finds_peers_by_way_of_a_peer() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let wide = |index: usize, bootstrap: Vec<Multiaddr>| {
        let mut config = config(folders[index].path(), bootstrap);
        config.kad = true;
        config
    };
    let b = Node::start(wide(0, Vec::new())).await;
    let mut c = Node::start(wide(1, b.net.listen_addrs().await)).await;
    c.see(1).await;
    b.peer(c.net.peer_id(), |info| !info.addresses.is_empty()).await;
    let a = Node::start(wide(2, b.net.listen_addrs().await)).await;
    a.peer(c.net.peer_id(), |info| info.joined).await;
}

#[tokio::test]
async fn listening_addresses_can_be_dialled_and_announced_ones_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), Vec::new());
    config.announce = vec!["/dns4/node.example/tcp/7781".parse().unwrap()];
    let node = Node::start(config).await;
    let addresses: Vec<String> = node.net.listen_addrs().await.iter().map(ToString::to_string).collect();
    let peer = node.net.peer_id();
    assert_eq!(addresses[0], format!("/dns4/node.example/tcp/7781/p2p/{peer}"));
    assert!(addresses[1].starts_with("/ip4/127.0.0.1/tcp/") && addresses[1].ends_with(&format!("/p2p/{peer}")));
    assert!(!addresses[1].contains("/tcp/0/"));
}

#[tokio::test]
async fn an_address_in_use_stops_the_start_and_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), Vec::new());
    config.listen = vec![format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port()).parse().unwrap()];
    let failed = crate::net::start(config, Default::default()).await.map(|_| ());
    assert!(matches!(failed, Err(NetError::Listen { .. })), "{failed:?}");
}

#[tokio::test]
async fn a_bootstrap_address_must_say_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let nameless = config(folder.path(), vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()]);
    let failed = crate::net::start(nameless, Default::default()).await.map(|_| ());
    assert!(matches!(failed, Err(NetError::BootstrapWithoutPeer { .. })), "{failed:?}");
}

#[tokio::test]
async fn a_stopped_network_says_so() {
    let node = Node::join(&[]).await;
    let net = node.net.clone();
    node.stop().await;
    assert!(matches!(net.publish(&super::support::ask(1)).await, Err(NetError::Stopped)));
    assert!(net.peers().await.is_empty());
}
