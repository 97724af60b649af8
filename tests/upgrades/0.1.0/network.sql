BEGIN TRANSACTION;
CREATE TABLE address_scopes (
	name VARCHAR(255) NOT NULL, 
	ip_version INTEGER NOT NULL, 
	shared BOOLEAN NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE asked (
	host VARCHAR(255) NOT NULL, 
	generation INTEGER NOT NULL, 
	request_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64), 
	project_id VARCHAR(64), 
	arrived_at DATETIME, 
	asked_at DATETIME NOT NULL, 
	PRIMARY KEY (host, generation), 
	FOREIGN KEY(host) REFERENCES hosts (name) ON DELETE CASCADE
);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	flow VARCHAR(64) NOT NULL, 
	step VARCHAR(64) NOT NULL, 
	outcome VARCHAR(8) NOT NULL, 
	cause TEXT, 
	request_id VARCHAR(64) NOT NULL, 
	worker VARCHAR(128) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME NOT NULL, spans JSON, 
	PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,'a4a1760a-e6c1-4707-97dc-d5eb3910acae','host1','host.follow','follow','done',NULL,'req-8c2bc003-c834-4dee-bdb8-e44c94ea3b34','host1','2026-11-30 00:06:26.251020','2026-11-30 00:06:26.333286','[{"name": "wanted", "where": "network.worker", "started_at": 1795997186.1861398, "seconds": 0.081844}]');
INSERT INTO "events" VALUES(2,'a1a7b332-968f-4b9f-becb-13aa070d14b8','host1','host.follow','follow','done',NULL,'req-4fe2a1f3-36d3-4c98-b330-5437b99ef767','host1','2026-11-30 00:06:26.486586','2026-11-30 00:06:26.576082','[{"name": "wanted", "where": "network.worker", "started_at": 1795997186.4024892, "seconds": 0.08919}]');
INSERT INTO "events" VALUES(3,'62cc9ec1-d352-41c5-8c9d-9b81d85f44c7','host1','host.follow','follow','done',NULL,'req-d231cb63-67a4-4b2e-b998-c80e40401793','host1','2026-11-30 00:06:26.761438','2026-11-30 00:06:26.843323','[{"name": "wanted", "where": "network.worker", "started_at": 1795997186.6356704, "seconds": 0.081542}]');
INSERT INTO "events" VALUES(4,'ae3e9ad5-9fa0-4435-bb0f-804c05ef1ca1','host1','host.follow','follow','done',NULL,'req-f6fd3048-aafd-44b7-a791-65ee9a6cb495','host1','2026-11-30 00:06:50.720375','2026-11-30 00:06:50.790457','[{"name": "wanted", "where": "network.worker", "started_at": 1795997210.616151, "seconds": 0.069804}]');
INSERT INTO "events" VALUES(5,'ae069774-8f47-4bba-9372-ef1876b3cd82','host1','host.follow','follow','done',NULL,'req-10aa8a0a-765a-4136-b665-76c93ebaa3a7','host1','2026-11-30 00:06:50.953510','2026-11-30 00:06:51.034542','[{"name": "wanted", "where": "network.worker", "started_at": 1795997210.9304602, "seconds": 0.080735}]');
INSERT INTO "events" VALUES(6,'0dec1240-5f0f-42a5-adc8-45d12b88875f','host1','host.follow','follow','done',NULL,'req-186f290c-bf56-4c9d-a800-a3c34713a8fe','host1','2026-11-30 00:06:51.251442','2026-11-30 00:06:51.337688','[{"name": "wanted", "where": "network.worker", "started_at": 1795997211.2401967, "seconds": 0.085886}]');
INSERT INTO "events" VALUES(7,'3e7f45d3-9193-474a-a7c1-03810671642d','host1','host.follow','follow','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1','2026-11-30 00:06:54.319268','2026-11-30 00:06:54.432207','[{"name": "wanted", "where": "network.worker", "started_at": 1795997214.3081582, "seconds": 0.112637}]');
CREATE TABLE fixed_ips (
	subnet_id VARCHAR(36) NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	port_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	PRIMARY KEY (subnet_id, address), 
	FOREIGN KEY(port_id) REFERENCES ports (id) ON DELETE CASCADE, 
	FOREIGN KEY(subnet_id) REFERENCES subnets (id)
);
INSERT INTO "fixed_ips" VALUES('89408243-c684-4d66-bcc9-d8f1d402e47d','10.10.0.2','9077a8b1-d757-482e-ae0b-142683a0bcac',0);
INSERT INTO "fixed_ips" VALUES('e474958a-2dc8-4446-8cd6-ee9eb4c3c062','172.28.94.125','459aeed5-7f3f-4b3f-90e0-635ff708893c',0);
INSERT INTO "fixed_ips" VALUES('89408243-c684-4d66-bcc9-d8f1d402e47d','10.10.0.1','1db00b5d-2678-44f1-a3c4-4ab8b62a78c2',0);
INSERT INTO "fixed_ips" VALUES('7f80ce3d-fca0-46e5-8c8e-80615f4087e0','10.77.0.2','9effa045-7e5e-4624-b02f-c70aa9266625',0);
INSERT INTO "fixed_ips" VALUES('7f80ce3d-fca0-46e5-8c8e-80615f4087e0','10.77.0.1','a78dfd8c-78fe-4b99-8afa-0d7e9aefaa28',0);
INSERT INTO "fixed_ips" VALUES('7f80ce3d-fca0-46e5-8c8e-80615f4087e0','10.77.0.246','7c65d430-b63a-4eae-b819-772b5a170e26',0);
CREATE TABLE floating_ips (
	floating_network_id VARCHAR(36) NOT NULL, 
	floating_ip_address VARCHAR(64) NOT NULL, 
	floating_port_id VARCHAR(36) NOT NULL, 
	port_id VARCHAR(36), 
	fixed_ip_address VARCHAR(64), 
	router_id VARCHAR(36), 
	status VARCHAR(16) NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(floating_network_id) REFERENCES networks (id), 
	FOREIGN KEY(floating_port_id) REFERENCES ports (id), 
	FOREIGN KEY(port_id) REFERENCES ports (id), 
	FOREIGN KEY(router_id) REFERENCES routers (id), 
	UNIQUE (floating_port_id), 
	CONSTRAINT one_floating_ip_a_fixed_ip UNIQUE (port_id, fixed_ip_address, floating_network_id)
);
CREATE TABLE hosts (
	name VARCHAR(255) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	generation INTEGER NOT NULL, 
	applied INTEGER NOT NULL, 
	admin_state_up BOOLEAN NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	agent_version VARCHAR(64) NOT NULL, 
	driver VARCHAR(64) NOT NULL, 
	tunnel_address VARCHAR(64) NOT NULL, 
	physical_networks JSON NOT NULL, 
	failures JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	PRIMARY KEY (name), 
	UNIQUE (id)
);
INSERT INTO "hosts" VALUES('host1','7647699c-f15e-4e80-b147-3dee476b9297',8,8,1,'','0.1.0','fake','','["public"]','[]','2026-11-30 00:05:47.802071','2026-11-30 00:05:47.802081','2026-11-30 00:07:17.651064');
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL, 
	flow VARCHAR(64) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	step VARCHAR(64) NOT NULL, 
	data JSON NOT NULL, 
	owner VARCHAR(128), 
	lease_until DOUBLE NOT NULL, 
	run_at DOUBLE NOT NULL, 
	waiting_since DOUBLE, 
	tries INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	cancelled BOOLEAN NOT NULL, 
	error TEXT, 
	request_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64), 
	project_id VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, arrived_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('a4a1760a-e6c1-4707-97dc-d5eb3910acae','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-8c2bc003-c834-4dee-bdb8-e44c94ea3b34','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:25.903650','2026-11-30 00:06:26.343103','2026-11-30 00:06:25.810799');
INSERT INTO "jobs" VALUES('a1a7b332-968f-4b9f-becb-13aa070d14b8','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-4fe2a1f3-36d3-4c98-b330-5437b99ef767','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:26.314339','2026-11-30 00:06:26.576542','2026-11-30 00:06:26.045213');
INSERT INTO "jobs" VALUES('62cc9ec1-d352-41c5-8c9d-9b81d85f44c7','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-d231cb63-67a4-4b2e-b998-c80e40401793','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:26.522886','2026-11-30 00:06:26.843783','2026-11-30 00:06:26.473826');
INSERT INTO "jobs" VALUES('ae3e9ad5-9fa0-4435-bb0f-804c05ef1ca1','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-f6fd3048-aafd-44b7-a791-65ee9a6cb495','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:50.575314','2026-11-30 00:06:50.793921','2026-11-30 00:06:50.488358');
INSERT INTO "jobs" VALUES('ae069774-8f47-4bba-9372-ef1876b3cd82','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-10aa8a0a-765a-4136-b665-76c93ebaa3a7','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:50.896125','2026-11-30 00:06:51.034841','2026-11-30 00:06:50.822299');
INSERT INTO "jobs" VALUES('0dec1240-5f0f-42a5-adc8-45d12b88875f','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-186f290c-bf56-4c9d-a800-a3c34713a8fe','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:51.230375','2026-11-30 00:06:51.337974','2026-11-30 00:06:51.145700');
INSERT INTO "jobs" VALUES('3e7f45d3-9193-474a-a7c1-03810671642d','host.follow','host1','done','follow','{}',NULL,0.0,0.0,NULL,0,0,0,NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','62fc374ad8f94bd79b40517f92a12c25','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:54.291924','2026-11-30 00:06:54.432577','2026-11-30 00:06:54.241075');
CREATE TABLE networks (
	name VARCHAR(255) NOT NULL, 
	admin_state_up BOOLEAN NOT NULL, 
	external BOOLEAN NOT NULL, 
	is_default BOOLEAN NOT NULL, 
	port_security_enabled BOOLEAN NOT NULL, 
	mtu INTEGER NOT NULL, 
	network_type VARCHAR(16) NOT NULL, 
	physical_network VARCHAR(64) NOT NULL, 
	segmentation_id INTEGER NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT one_network_a_segment UNIQUE (network_type, physical_network, segmentation_id)
);
INSERT INTO "networks" VALUES('public',1,1,1,1,1500,'flat','public',0,'','2d3b2c4a-f252-4908-932b-15eb8c1892ed','86b6e44b20964b15b09269a000739d38','',0,'2026-11-30 00:06:24.868125','2026-11-30 00:06:24.868132');
INSERT INTO "networks" VALUES('private',1,0,0,1,1450,'vxlan','',3195009,'','07d6469c-896a-4abe-aff0-eff7872b2a1e','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:25.746841','2026-11-30 00:06:25.746846');
INSERT INTO "networks" VALUES('kept',1,0,0,1,1450,'vxlan','',8175620,'','4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:50.395647','2026-11-30 00:06:50.395652');
CREATE TABLE port_groups (
	port_id VARCHAR(36) NOT NULL, 
	group_id VARCHAR(36) NOT NULL, 
	PRIMARY KEY (port_id, group_id), 
	FOREIGN KEY(group_id) REFERENCES security_groups (id), 
	FOREIGN KEY(port_id) REFERENCES ports (id) ON DELETE CASCADE
);
INSERT INTO "port_groups" VALUES('7c65d430-b63a-4eae-b819-772b5a170e26','ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4');
CREATE TABLE ports (
	network_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	mac_address VARCHAR(32) NOT NULL, 
	admin_state_up BOOLEAN NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	device_id VARCHAR(255) NOT NULL, 
	device_owner VARCHAR(255) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	vif_type VARCHAR(64) NOT NULL, 
	vnic_type VARCHAR(64) NOT NULL, 
	profile JSON NOT NULL, 
	port_security_enabled BOOLEAN NOT NULL, 
	allowed_address_pairs JSON NOT NULL, 
	extra_dhcp_opts JSON NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(network_id) REFERENCES networks (id), 
	CONSTRAINT one_port_a_mac UNIQUE (network_id, mac_address)
);
INSERT INTO "ports" VALUES('07d6469c-896a-4abe-aff0-eff7872b2a1e','','fa:16:3e:46:99:94',1,'ACTIVE','dhcp-07d6469c-896a-4abe-aff0-eff7872b2a1e','network:dhcp','host1','bridge','normal','{}',0,'[]','[]','','9077a8b1-d757-482e-ae0b-142683a0bcac','65e57d3bd1244723988403849bb03570','',1,'2026-11-30 00:06:25.863637','2026-11-30 00:06:25.882892');
INSERT INTO "ports" VALUES('2d3b2c4a-f252-4908-932b-15eb8c1892ed','','fa:16:3e:ef:6d:64',1,'ACTIVE','a9789529-a72c-444e-9b1b-0edb28f122f9','network:router_gateway','host1','bridge','normal','{}',0,'[]','[]','','459aeed5-7f3f-4b3f-90e0-635ff708893c','','',0,'2026-11-30 00:06:26.190702','2026-11-30 00:06:26.190707');
INSERT INTO "ports" VALUES('07d6469c-896a-4abe-aff0-eff7872b2a1e','','fa:16:3e:b6:c9:33',1,'ACTIVE','a9789529-a72c-444e-9b1b-0edb28f122f9','network:router_interface','host1','bridge','normal','{}',0,'[]','[]','','1db00b5d-2678-44f1-a3c4-4ab8b62a78c2','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:26.520742','2026-11-30 00:06:26.520746');
INSERT INTO "ports" VALUES('4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','','fa:16:3e:eb:60:65',1,'ACTIVE','dhcp-4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','network:dhcp','host1','bridge','normal','{}',0,'[]','[]','','9effa045-7e5e-4624-b02f-c70aa9266625','65e57d3bd1244723988403849bb03570','',1,'2026-11-30 00:06:50.567715','2026-11-30 00:06:50.569512');
INSERT INTO "ports" VALUES('4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','','fa:16:3e:a6:5c:3d',1,'ACTIVE','5ac3907e-2803-4035-b1e2-5f5efa99ce98','network:router_interface','host1','bridge','normal','{}',0,'[]','[]','','a78dfd8c-78fe-4b99-8afa-0d7e9aefaa28','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:50.863429','2026-11-30 00:06:50.863438');
INSERT INTO "ports" VALUES('4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','kept','fa:16:3e:4a:71:9b',1,'ACTIVE','6f94b358-bfbb-419c-a7e0-433117096b3e','compute:nova','host1','bridge','normal','{}',1,'[]','[]','','7c65d430-b63a-4eae-b819-772b5a170e26','65e57d3bd1244723988403849bb03570','',1,'2026-11-30 00:06:51.218468','2026-11-30 00:06:54.279693');
CREATE TABLE "projects" (
	id VARCHAR(255) NOT NULL, 
	quotas JSON NOT NULL, 
	default_group_id VARCHAR(36), 
	auto_network_id VARCHAR(36), 
	PRIMARY KEY (id), 
	CONSTRAINT projects_auto_network FOREIGN KEY(auto_network_id) REFERENCES networks (id) ON DELETE SET NULL, 
	FOREIGN KEY(default_group_id) REFERENCES security_groups (id) ON DELETE SET NULL
);
INSERT INTO "projects" VALUES('86b6e44b20964b15b09269a000739d38','{}',NULL,NULL);
INSERT INTO "projects" VALUES('65e57d3bd1244723988403849bb03570','{}','ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4',NULL);
CREATE TABLE routers (
	name VARCHAR(255) NOT NULL, 
	admin_state_up BOOLEAN NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	gateway_port_id VARCHAR(36), 
	enable_snat BOOLEAN NOT NULL, 
	routes JSON NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(gateway_port_id) REFERENCES ports (id)
);
INSERT INTO "routers" VALUES('router1',1,'ACTIVE','host1','459aeed5-7f3f-4b3f-90e0-635ff708893c',1,'[]','','a9789529-a72c-444e-9b1b-0edb28f122f9','65e57d3bd1244723988403849bb03570','',1,'2026-11-30 00:06:26.061844','2026-11-30 00:06:26.521265');
INSERT INTO "routers" VALUES('kept',1,'ACTIVE','host1',NULL,1,'[]','','5ac3907e-2803-4035-b1e2-5f5efa99ce98','65e57d3bd1244723988403849bb03570','',1,'2026-11-30 00:06:50.735494','2026-11-30 00:06:50.864133');
CREATE TABLE security_groups (
	name VARCHAR(255) NOT NULL, 
	stateful BOOLEAN NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "security_groups" VALUES('default',1,'','ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','65e57d3bd1244723988403849bb03570','Default security group',2,'2026-11-30 00:06:26.701316','2026-11-30 00:06:27.115871');
INSERT INTO "security_groups" VALUES('kept',1,'','a5b1fb57-21dc-488e-bad5-d5605e4553a7','65e57d3bd1244723988403849bb03570','',1,'2026-11-30 00:06:50.992089','2026-11-30 00:06:51.081183');
CREATE TABLE security_rules (
	group_id VARCHAR(36) NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	ethertype VARCHAR(8) NOT NULL, 
	protocol VARCHAR(16), 
	port_range_min INTEGER, 
	port_range_max INTEGER, 
	remote_ip_prefix VARCHAR(64), 
	remote_group_id VARCHAR(36), 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(group_id) REFERENCES security_groups (id) ON DELETE CASCADE, 
	FOREIGN KEY(remote_group_id) REFERENCES security_groups (id)
);
INSERT INTO "security_rules" VALUES('ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','egress','IPv4',NULL,NULL,NULL,NULL,NULL,'ce71e66b-f72d-43dc-98b1-315e7a5c8565','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:26.780091','2026-11-30 00:06:26.780095');
INSERT INTO "security_rules" VALUES('ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','egress','IPv6',NULL,NULL,NULL,NULL,NULL,'65d3a7fa-62a9-4458-9912-eeb3b55d1128','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:26.780100','2026-11-30 00:06:26.780101');
INSERT INTO "security_rules" VALUES('ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','ingress','IPv4',NULL,NULL,NULL,NULL,'ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','40f8bc02-a932-4f22-a206-fcda29f49810','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:26.780105','2026-11-30 00:06:26.780105');
INSERT INTO "security_rules" VALUES('ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','ingress','IPv6',NULL,NULL,NULL,NULL,'ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','b597cb7b-0ec4-4acd-9ccc-41e9cd8c25ad','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:26.780108','2026-11-30 00:06:26.780109');
INSERT INTO "security_rules" VALUES('ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','ingress','IPv4','icmp',NULL,NULL,NULL,NULL,'2bd4eddc-e6e4-4048-842c-5b2ee3fe9ed6','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:26.947733','2026-11-30 00:06:26.947739');
INSERT INTO "security_rules" VALUES('ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4','ingress','IPv4','tcp',22,22,NULL,NULL,'34673a4a-bcf5-4511-aed3-16e1a30e9d24','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:27.116569','2026-11-30 00:06:27.116571');
INSERT INTO "security_rules" VALUES('a5b1fb57-21dc-488e-bad5-d5605e4553a7','egress','IPv4',NULL,NULL,NULL,NULL,NULL,'6b8b79f6-5685-4622-a973-25296b81ffb1','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:50.992436','2026-11-30 00:06:50.992437');
INSERT INTO "security_rules" VALUES('a5b1fb57-21dc-488e-bad5-d5605e4553a7','egress','IPv6',NULL,NULL,NULL,NULL,NULL,'7e55aee9-428d-4d57-96f0-1e8680f2394e','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:50.992441','2026-11-30 00:06:50.992442');
INSERT INTO "security_rules" VALUES('a5b1fb57-21dc-488e-bad5-d5605e4553a7','ingress','IPv4','tcp',22,22,NULL,NULL,'c6cd9613-3003-4e49-ba4e-eab69fc52870','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:51.106281','2026-11-30 00:06:51.106285');
CREATE TABLE shares (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	network_id VARCHAR(36) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	target_project VARCHAR(255) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(network_id) REFERENCES networks (id) ON DELETE CASCADE, 
	UNIQUE (network_id, action, target_project)
);
INSERT INTO "shares" VALUES('0cb0ac86-64e9-4229-82a3-89bfecb9372a','86b6e44b20964b15b09269a000739d38','2d3b2c4a-f252-4908-932b-15eb8c1892ed','access_as_external','*');
CREATE TABLE subnet_pools (
	name VARCHAR(255) NOT NULL, 
	ip_version INTEGER NOT NULL, 
	prefixes JSON NOT NULL, 
	min_prefixlen INTEGER NOT NULL, 
	max_prefixlen INTEGER NOT NULL, 
	default_prefixlen INTEGER NOT NULL, 
	default_quota INTEGER, 
	address_scope_id VARCHAR(36), 
	shared BOOLEAN NOT NULL, 
	is_default BOOLEAN NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(address_scope_id) REFERENCES address_scopes (id)
);
INSERT INTO "subnet_pools" VALUES('default',4,'["10.128.0.0/12"]',8,32,24,NULL,NULL,1,1,'','bd0f5947-5045-4c46-857d-b41e523bba8c','86b6e44b20964b15b09269a000739d38','',0,'2026-11-30 00:06:25.407333','2026-11-30 00:06:25.407339');
CREATE TABLE subnets (
	network_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	ip_version INTEGER NOT NULL, 
	cidr VARCHAR(64) NOT NULL, 
	gateway_ip VARCHAR(64), 
	enable_dhcp BOOLEAN NOT NULL, 
	ipv6_address_mode VARCHAR(32), 
	ipv6_ra_mode VARCHAR(32), 
	subnetpool_id VARCHAR(36), 
	allocation_pools JSON NOT NULL, 
	dns_nameservers JSON NOT NULL, 
	host_routes JSON NOT NULL, 
	service_types JSON NOT NULL, 
	tags TEXT NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(network_id) REFERENCES networks (id) ON DELETE CASCADE, 
	FOREIGN KEY(subnetpool_id) REFERENCES subnet_pools (id)
);
INSERT INTO "subnets" VALUES('2d3b2c4a-f252-4908-932b-15eb8c1892ed','public-subnet',4,'172.28.94.0/24','172.28.94.1',0,NULL,NULL,NULL,'[{"start": "172.28.94.10", "end": "172.28.94.250"}]','[]','[]','[]','','e474958a-2dc8-4446-8cd6-ee9eb4c3c062','86b6e44b20964b15b09269a000739d38','',0,'2026-11-30 00:06:25.143235','2026-11-30 00:06:25.143239');
INSERT INTO "subnets" VALUES('07d6469c-896a-4abe-aff0-eff7872b2a1e','private-subnet',4,'10.10.0.0/24','10.10.0.1',1,NULL,NULL,NULL,'[{"start": "10.10.0.2", "end": "10.10.0.254"}]','["10.255.255.53"]','[]','[]','','89408243-c684-4d66-bcc9-d8f1d402e47d','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:25.846004','2026-11-30 00:06:25.846010');
INSERT INTO "subnets" VALUES('4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','kept',4,'10.77.0.0/24','10.77.0.1',1,NULL,NULL,NULL,'[{"start": "10.77.0.2", "end": "10.77.0.254"}]','[]','[]','[]','','7f80ce3d-fca0-46e5-8c8e-80615f4087e0','65e57d3bd1244723988403849bb03570','',0,'2026-11-30 00:06:50.516684','2026-11-30 00:06:50.516689');
CREATE INDEX address_scopes_of_project ON address_scopes (project_id, id);
CREATE INDEX ix_events_job_id ON events (job_id);
CREATE INDEX ix_events_request_id ON events (request_id);
CREATE INDEX ix_events_subject ON events (subject);
CREATE INDEX ix_jobs_subject ON jobs (subject);
CREATE INDEX jobs_due ON jobs (run_at, lease_until) WHERE state IN ('running', 'undoing', 'stuck');
CREATE UNIQUE INDEX jobs_one_live ON jobs (subject) WHERE state IN ('running', 'undoing', 'stuck');
CREATE INDEX ix_networks_external ON networks (external);
CREATE INDEX networks_of_project ON networks (project_id, id);
CREATE INDEX security_groups_of_project ON security_groups (project_id, id);
CREATE INDEX ports_of_device ON ports (device_id, device_owner);
CREATE INDEX ports_of_host ON ports (host, network_id);
CREATE INDEX ports_of_network ON ports (network_id, device_owner);
CREATE INDEX ports_of_project ON ports (project_id, id);
CREATE INDEX ix_security_rules_group_id ON security_rules (group_id);
CREATE INDEX ix_security_rules_remote_group_id ON security_rules (remote_group_id);
CREATE INDEX security_rules_of_project ON security_rules (project_id, id);
CREATE INDEX ix_shares_project_id ON shares (project_id);
CREATE INDEX shares_with_project ON shares (target_project, action, network_id);
CREATE INDEX ix_subnet_pools_address_scope_id ON subnet_pools (address_scope_id);
CREATE INDEX subnet_pools_of_project ON subnet_pools (project_id, id);
CREATE INDEX ix_port_groups_group_id ON port_groups (group_id);
CREATE INDEX ix_routers_gateway_port_id ON routers (gateway_port_id);
CREATE INDEX ix_routers_host ON routers (host);
CREATE INDEX routers_of_project ON routers (project_id, id);
CREATE INDEX ix_subnets_network_id ON subnets (network_id);
CREATE INDEX ix_subnets_subnetpool_id ON subnets (subnetpool_id);
CREATE INDEX subnets_of_project ON subnets (project_id, id);
CREATE INDEX ix_fixed_ips_port_id ON fixed_ips (port_id);
CREATE INDEX floating_ips_of_project ON floating_ips (project_id, id);
CREATE INDEX ix_floating_ips_floating_ip_address ON floating_ips (floating_ip_address);
CREATE INDEX ix_floating_ips_floating_network_id ON floating_ips (floating_network_id);
CREATE INDEX ix_floating_ips_router_id ON floating_ips (router_id);
CREATE INDEX ix_jobs_request_id ON jobs (request_id);
COMMIT;
