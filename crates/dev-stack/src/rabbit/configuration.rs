//! What a private node is told: its files and its environment.

use super::{ADMIN, Membership, PORTS_FILE, RabbitServer};
use crate::error::StartError;
use crate::instance::Keeping;
use crate::place::{CERTIFICATE_FILE, EXTRA_FILE, KEY_FILE};

const TICK_SECONDS: u32 = 4;

impl RabbitServer {
    /// Writes the files that a start reads.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(super) fn write_files(&self) -> Result<(), StartError> {
        let place = &self.place;
        for directory in ["home", "data", "log"] {
            place.make_directory(&place.path(directory))?;
        }
        if place.read("home/.erlang.cookie").is_none() {
            place.write(
                "home/.erlang.cookie",
                &uuid::Uuid::new_v4().simple().to_string().to_uppercase(),
            )?;
        }
        let ports = serde_json::to_string(&self.ports).unwrap_or_default();
        place.write(PORTS_FILE, &ports)?;
        place.write("rabbitmq.conf", &self.configuration())?;
        place.write("advanced.config", self.advanced_configuration())?;
        place.write("enabled_plugins", "[rabbitmq_management].\n")?;
        Ok(())
    }

    fn configuration(&self) -> String {
        // The user is made at the first start; later its password is the one kept beside the data.
        // Quorum queues keep in memory what their write-ahead log has not yet passed on. At its default of 512 MiB a backlog of
        // 200,000 events raised the memory alarm, which blocks publishing; at 128 MiB it did not.
        format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
             management.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {management}\n\
             default_user = {ADMIN}\n\
             default_pass = {password}\n\
             default_user_tags.administrator = true\n\
             default_permissions.configure = .*\n\
             default_permissions.read = .*\n\
             default_permissions.write = .*\n\
             disk_free_limit.absolute = 64MB\n\
             vm_memory_high_watermark.absolute = 1GB\n\
             raft.wal_max_size_bytes = 134217728\n\
             log.console = false\n\
             log.file.level = info\n\
             {statistics}{tls}{cluster}{extra}",
            extra = self.place.read(EXTRA_FILE).unwrap_or_default(),
            amqp = self.ports.amqp,
            management = self.ports.management,
            password = self.password,
            statistics = match self.keeping {
                Keeping::Durable => "",
                Keeping::Disposable => "collect_statistics_interval = 200\n",
            },
            tls = self.ports.amqps.map(|port| self.tls(port)).unwrap_or_default(),
            cluster = match &self.membership {
                None => String::new(),
                Some(Membership { seed, .. }) => format!(
                    "cluster_formation.peer_discovery_backend = classic_config\n\
                     cluster_formation.classic_config.nodes.1 = {seed}\n\
                     cluster_partition_handling = pause_minority\n"
                ),
            },
        )
    }

    fn tls(&self, port: u16) -> String {
        format!(
            "listeners.ssl.1 = 127.0.0.1:{port}\n\
             ssl_options.certfile = {certificate}\n\
             ssl_options.keyfile = {key}\n\
             ssl_options.verify = verify_none\n\
             ssl_options.fail_if_no_peer_cert = false\n",
            certificate = self.place.path(CERTIFICATE_FILE).display(),
            key = self.place.path(KEY_FILE).display(),
        )
    }

    /// Tests look at counts: quorum queues report theirs at each tick, by default every five seconds. And channels look each minute by
    /// default for messages that were held for too long.
    fn advanced_configuration(&self) -> &'static str {
        match self.keeping {
            Keeping::Durable => "[].\n",
            Keeping::Disposable => "[{rabbit, [{quorum_tick_interval, 200}, {channel_tick_interval, 1000}]}].\n",
        }
    }

    /// The variables that make RabbitMQ's scripts mean this node and nothing of the system's.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.place.path(name).display().to_string();
        let cluster = match self.membership {
            None => String::new(),
            // A node that says nothing is given up after a quarter more than this, by default after more than a minute.
            Some(_) => format!("-kernel net_ticktime {TICK_SECONDS} "),
        };
        vec![
            ("HOME", path("home")),
            ("RABBITMQ_NODENAME", self.node().to_owned()),
            ("RABBITMQ_USE_LONGNAME", "false".to_owned()),
            ("RABBITMQ_NODE_PORT", self.ports.amqp.to_string()),
            ("RABBITMQ_DIST_PORT", self.ports.distribution.to_string()),
            ("ERL_EPMD_PORT", self.ports.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            // Names a file that is not there: otherwise the system's is read.
            ("RABBITMQ_CONF_ENV_FILE", path("no-rabbitmq-env.conf")),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
            ("RABBITMQ_FEATURE_FLAGS_FILE", path("feature_flags")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", path("generated")),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", path("log")),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                format!("-kernel inet_dist_use_interface {{127,0,0,1}} {cluster}+S 2:2"),
            ),
            // Lets the script become the node instead of watching over it.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ]
    }
}
