BEGIN TRANSACTION;
CREATE TABLE aggregate_hosts (
	aggregate_id INTEGER NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	PRIMARY KEY (aggregate_id, host), 
	FOREIGN KEY(aggregate_id) REFERENCES aggregates (id) ON DELETE CASCADE
);
CREATE TABLE aggregates (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	metadata JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (uuid)
);
INSERT INTO "aggregates" VALUES(1,'3bf22d29-653b-4096-a2fa-311663eb0643','kept','{"availability_zone": "zone1"}','2026-11-30 00:07:11.026838',NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE allocations (
	server_id VARCHAR(36) NOT NULL, 
	purpose VARCHAR(8) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	vcpus INTEGER NOT NULL, 
	memory_mib INTEGER NOT NULL, 
	disk_gib INTEGER NOT NULL, 
	PRIMARY KEY (server_id, purpose)
);
INSERT INTO "allocations" VALUES('6f94b358-bfbb-419c-a7e0-433117096b3e','run','host1',1,128,1);
CREATE TABLE console_tokens (
	digest VARCHAR(64) NOT NULL, 
	server_id VARCHAR(36) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	port INTEGER NOT NULL, 
	path VARCHAR(255), 
	expires_at DATETIME NOT NULL, 
	PRIMARY KEY (digest), 
	FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
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
INSERT INTO "events" VALUES(1,'9e128af6-46af-484a-88bb-b0ffc5f232df','6f94b358-bfbb-419c-a7e0-433117096b3e','server.create','place','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1:25556','2026-11-30 00:06:53.791029','2026-11-30 00:06:53.844735','null');
INSERT INTO "events" VALUES(2,'9e128af6-46af-484a-88bb-b0ffc5f232df','6f94b358-bfbb-419c-a7e0-433117096b3e','server.create','make_ports','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1:25556','2026-11-30 00:06:53.880258','2026-11-30 00:06:54.319292','[{"name": "GET v2.0/ports", "where": "network", "started_at": 1795997214.1562817, "seconds": 0.047623}, {"name": "GET v2.0/ports/7c65d430-b63a-4eae-b819-772b5a170e26", "where": "network", "started_at": 1795997214.2039976, "seconds": 0.031633}, {"name": "PUT v2.0/ports/7c65d430-b63a-4eae-b819-772b5a170e26", "where": "network", "started_at": 1795997214.2357254, "seconds": 0.082367}]');
INSERT INTO "events" VALUES(3,'9e128af6-46af-484a-88bb-b0ffc5f232df','6f94b358-bfbb-419c-a7e0-433117096b3e','server.create','wire','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1:25556','2026-11-30 00:06:54.343733','2026-11-30 00:06:54.380972','null');
INSERT INTO "events" VALUES(4,'9e128af6-46af-484a-88bb-b0ffc5f232df','6f94b358-bfbb-419c-a7e0-433117096b3e','server.create','prepare','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1:25556','2026-11-30 00:06:54.399348','2026-11-30 00:06:54.494249','[{"name": "POST v2/tickets", "where": "image", "started_at": 1795997214.400304, "seconds": 0.034026}, {"name": "prepare", "where": "host1", "started_at": 1795997214.461895, "seconds": 0.030586}]');
INSERT INTO "events" VALUES(5,'9e128af6-46af-484a-88bb-b0ffc5f232df','6f94b358-bfbb-419c-a7e0-433117096b3e','server.create','boot','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1:25556','2026-11-30 00:06:54.500108','2026-11-30 00:06:54.531563','[{"name": "boot", "where": "host1", "started_at": 1795997214.5020201, "seconds": 0.004527}]');
INSERT INTO "events" VALUES(6,'9e128af6-46af-484a-88bb-b0ffc5f232df','6f94b358-bfbb-419c-a7e0-433117096b3e','server.create','finish','done',NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','host1:25556','2026-11-30 00:06:54.544763','2026-11-30 00:06:54.563263','null');
INSERT INTO "events" VALUES(7,'4b04640e-0467-4c32-87ba-f66c22b656aa','e42f8626-7bed-4dd6-baf0-9fd65938e921','server.create','place','done',NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','host1:25556','2026-11-30 00:06:56.178633','2026-11-30 00:06:56.216021','null');
INSERT INTO "events" VALUES(8,'4b04640e-0467-4c32-87ba-f66c22b656aa','e42f8626-7bed-4dd6-baf0-9fd65938e921','server.create','make_ports','done',NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','host1:25556','2026-11-30 00:06:56.237996','2026-11-30 00:06:56.239070','null');
INSERT INTO "events" VALUES(9,'4b04640e-0467-4c32-87ba-f66c22b656aa','e42f8626-7bed-4dd6-baf0-9fd65938e921','server.create','wire','done',NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','host1:25556','2026-11-30 00:06:56.266667','2026-11-30 00:06:56.267684','null');
INSERT INTO "events" VALUES(10,'4b04640e-0467-4c32-87ba-f66c22b656aa','e42f8626-7bed-4dd6-baf0-9fd65938e921','server.create','prepare','done',NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','host1:25556','2026-11-30 00:06:56.285969','2026-11-30 00:06:56.359961','[{"name": "POST v2/tickets", "where": "image", "started_at": 1795997216.2868295, "seconds": 0.027639}, {"name": "prepare", "where": "host1", "started_at": 1795997216.3240447, "seconds": 0.034776}]');
INSERT INTO "events" VALUES(11,'4b04640e-0467-4c32-87ba-f66c22b656aa','e42f8626-7bed-4dd6-baf0-9fd65938e921','server.create','boot','done',NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','host1:25556','2026-11-30 00:06:56.370200','2026-11-30 00:06:56.424164','[{"name": "boot", "where": "host1", "started_at": 1795997216.3716054, "seconds": 0.040206}]');
INSERT INTO "events" VALUES(12,'4b04640e-0467-4c32-87ba-f66c22b656aa','e42f8626-7bed-4dd6-baf0-9fd65938e921','server.create','finish','done',NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','host1:25556','2026-11-30 00:06:56.438120','2026-11-30 00:06:56.455972','null');
INSERT INTO "events" VALUES(13,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','settle','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.545807','2026-11-30 00:06:58.658223','null');
INSERT INTO "events" VALUES(14,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','destroy','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.672576','2026-11-30 00:06:58.713100','[{"name": "destroy", "where": "host1", "started_at": 1795997218.672823, "seconds": 0.014025}]');
INSERT INTO "events" VALUES(15,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','unplug','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.746137','2026-11-30 00:06:58.747567','null');
INSERT INTO "events" VALUES(16,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','unport','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.781796','2026-11-30 00:06:58.801563','[{"name": "GET v2.0/ports", "where": "network", "started_at": 1795997218.781873, "seconds": 0.007725}]');
INSERT INTO "events" VALUES(17,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','drop_volumes','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.806837','2026-11-30 00:06:58.810040','null');
INSERT INTO "events" VALUES(18,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','drop_image','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.821908','2026-11-30 00:06:58.825384','null');
INSERT INTO "events" VALUES(19,'f5cbefe0-9f84-4feb-85b8-a0176cdfed69','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','server.delete','forget','done',NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','host1:25556','2026-11-30 00:06:58.846538','2026-11-30 00:06:58.865503','null');
INSERT INTO "events" VALUES(20,'df8867f2-0dd9-496e-8a1d-03f2da209cb2','6f94b358-bfbb-419c-a7e0-433117096b3e/dfac1005-9d0b-43a8-8191-932','server.attach_volume','reserve','done',NULL,'req-65b787e9-77a9-4733-ac5f-53acae38378f','host1:25556','2026-11-30 00:07:04.012195','2026-11-30 00:07:04.326410','[{"name": "GET v3/65e57d3bd1244723988403849bb03570/attachments/detail", "where": "volume", "started_at": 1795997224.0185475, "seconds": 0.088883}, {"name": "POST v3/65e57d3bd1244723988403849bb03570/attachments", "where": "volume", "started_at": 1795997224.1075315, "seconds": 0.086329}, {"name": "PUT v3/65e57d3bd1244723988403849bb03570/attachments/9a519ca1-7eec-42c8-919d-9a479c3741c8", "where": "volume", "started_at": 1795997224.1940355, "seconds": 0.130761}]');
INSERT INTO "events" VALUES(21,'df8867f2-0dd9-496e-8a1d-03f2da209cb2','6f94b358-bfbb-419c-a7e0-433117096b3e/dfac1005-9d0b-43a8-8191-932','server.attach_volume','note_plug','done',NULL,'req-65b787e9-77a9-4733-ac5f-53acae38378f','host1:25556','2026-11-30 00:07:04.349246','2026-11-30 00:07:04.355698','null');
INSERT INTO "events" VALUES(22,'df8867f2-0dd9-496e-8a1d-03f2da209cb2','6f94b358-bfbb-419c-a7e0-433117096b3e/dfac1005-9d0b-43a8-8191-932','server.attach_volume','plug','done',NULL,'req-65b787e9-77a9-4733-ac5f-53acae38378f','host1:25556','2026-11-30 00:07:04.369417','2026-11-30 00:07:04.390004','[{"name": "attach_volume", "where": "host1", "started_at": 1795997224.3707626, "seconds": 0.005938}]');
INSERT INTO "events" VALUES(23,'df8867f2-0dd9-496e-8a1d-03f2da209cb2','6f94b358-bfbb-419c-a7e0-433117096b3e/dfac1005-9d0b-43a8-8191-932','server.attach_volume','complete','done',NULL,'req-65b787e9-77a9-4733-ac5f-53acae38378f','host1:25556','2026-11-30 00:07:04.394270','2026-11-30 00:07:04.474009','[{"name": "POST v3/65e57d3bd1244723988403849bb03570/attachments/9a519ca1-7eec-42c8-919d-9a479c3741c8/action", "where": "volume", "started_at": 1795997224.3943193, "seconds": 0.078392}]');
INSERT INTO "events" VALUES(24,'df8867f2-0dd9-496e-8a1d-03f2da209cb2','6f94b358-bfbb-419c-a7e0-433117096b3e/dfac1005-9d0b-43a8-8191-932','server.attach_volume','attached','done',NULL,'req-65b787e9-77a9-4733-ac5f-53acae38378f','host1:25556','2026-11-30 00:07:04.489966','2026-11-30 00:07:04.491896','null');
CREATE TABLE flavor_access (
	flavor_id VARCHAR(255) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	PRIMARY KEY (flavor_id, project_id), 
	FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE
);
CREATE TABLE flavors (
	id VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	vcpus INTEGER NOT NULL, 
	memory_mib INTEGER NOT NULL, 
	disk_gib INTEGER NOT NULL, 
	ephemeral_gib INTEGER NOT NULL, 
	swap_mib INTEGER NOT NULL, 
	rxtx_factor DOUBLE NOT NULL, 
	is_public BOOLEAN NOT NULL, 
	description TEXT, 
	extra_specs JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "flavors" VALUES('1','m1.nano',1,128,1,0,0,1.0,1,NULL,'{}','2026-11-30 00:06:23.272144',NULL);
INSERT INTO "flavors" VALUES('2','m1.micro',1,192,1,0,0,1.0,1,NULL,'{}','2026-11-30 00:06:23.335279',NULL);
INSERT INTO "flavors" VALUES('3','m1.tiny',1,512,1,0,0,1.0,1,NULL,'{}','2026-11-30 00:06:23.361093',NULL);
INSERT INTO "flavors" VALUES('4','m1.small',1,2048,20,0,0,1.0,1,NULL,'{}','2026-11-30 00:06:23.381364',NULL);
INSERT INTO "flavors" VALUES('5','m1.medium',2,4096,40,0,0,1.0,1,NULL,'{}','2026-11-30 00:06:23.413909',NULL);
INSERT INTO "flavors" VALUES('6','m1.large',4,8192,80,0,0,1.0,1,NULL,'{}','2026-11-30 00:06:23.428458',NULL);
CREATE TABLE hosts (
	name VARCHAR(255) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	number INTEGER NOT NULL, 
	service_id VARCHAR(36) NOT NULL, 
	hypervisor VARCHAR(64) NOT NULL, 
	vcpus INTEGER NOT NULL, 
	memory_mib INTEGER NOT NULL, 
	disk_gib INTEGER NOT NULL, 
	vcpus_used INTEGER NOT NULL, 
	memory_mib_used INTEGER NOT NULL, 
	disk_gib_used INTEGER NOT NULL, 
	facts JSON NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	disabled_reason VARCHAR(255), 
	forced_down BOOLEAN NOT NULL, 
	seen_at DATETIME NOT NULL, 
	started_at DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (name), 
	UNIQUE (id), 
	UNIQUE (service_id)
);
INSERT INTO "hosts" VALUES('host1','b05d9ffa-2065-47e6-99da-9ab25ed1fa8b',1,'e24489b2-3215-4e89-b77b-b69a71639de1','fake',64,262144,4096,1,128,1,'{"disk_free_gib": 4096, "hypervisor_type": "fake", "hypervisor_version": 1000000, "hostname": "host1", "host_ip": "127.0.0.1", "cpu_info": {"arch": "x86_64", "model": "fake", "vendor": "fake", "features": []}, "facts": {}}',0,NULL,0,'2026-11-30 00:07:04.071912','2026-11-30 00:05:49.098534','2026-11-30 00:05:49.098536');
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
INSERT INTO "jobs" VALUES('9e128af6-46af-484a-88bb-b0ffc5f232df','server.create','6f94b358-bfbb-419c-a7e0-433117096b3e','done','finish','{"networks": [{"network_id": "4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654", "network_name": "kept", "mtu": 1450, "port_security": true, "port_id": "7c65d430-b63a-4eae-b819-772b5a170e26", "groups": ["ddb47f47-4f3f-4e16-8b2d-09f6d8b5d0d4"]}], "security_groups": null, "host": "host1", "ports": [{"id": "7c65d430-b63a-4eae-b819-772b5a170e26", "network_id": "4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654", "network_name": "kept", "mac": "fa:16:3e:4a:71:9b", "mtu": 1450, "fixed_ips": [{"subnet_id": "7f80ce3d-fca0-46e5-8c8e-80615f4087e0", "ip_address": "10.77.0.246"}], "ours": false, "tag": null}], "power": "running", "devices": {}, "root_device": "/dev/vda"}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-ebeb33ba-5681-4e78-a4a2-4d58cbb632fe','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:53.594667','2026-11-30 00:06:54.562279','2026-11-30 00:06:53.282289');
INSERT INTO "jobs" VALUES('4b04640e-0467-4c32-87ba-f66c22b656aa','server.create','e42f8626-7bed-4dd6-baf0-9fd65938e921','done','finish','{"networks": [], "security_groups": null, "host": "host1", "ports": [], "power": "running", "devices": {}, "root_device": "/dev/vda"}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-6edf8bc9-e804-460d-ae0f-3ae083f9a827','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:56.139155','2026-11-30 00:06:56.455492','2026-11-30 00:06:56.002336');
INSERT INTO "jobs" VALUES('f5cbefe0-9f84-4feb-85b8-a0176cdfed69','server.delete','e42f8626-7bed-4dd6-baf0-9fd65938e921/delete','done','forget','{"host": "host1", "project_id": "65e57d3bd1244723988403849bb03570", "foreign": [], "volumes": false, "doomed": [], "image": null}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-6b461b7c-6c75-4e8c-ac66-22b4c8d04c8d','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:58.495538','2026-11-30 00:06:58.862116','2026-11-30 00:06:58.466814');
INSERT INTO "jobs" VALUES('df8867f2-0dd9-496e-8a1d-03f2da209cb2','server.attach_volume','6f94b358-bfbb-419c-a7e0-433117096b3e/dfac1005-9d0b-43a8-8191-932','done','attached','{"row": "dfac1005-9d0b-43a8-8191-932d8bfdae0c", "attachment_id": "9a519ca1-7eec-42c8-919d-9a479c3741c8", "connection": {"path": "/fake/volumes/volume-e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "format": "raw", "volume_id": "e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "access_mode": "rw", "qos_specs": null, "encrypted": false, "discard": true, "cacheable": false, "driver_volume_type": "file", "data": {"path": "/fake/volumes/volume-e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "format": "raw", "volume_id": "e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "access_mode": "rw", "qos_specs": null, "encrypted": false, "discard": true, "cacheable": false}, "attachment_id": "9a519ca1-7eec-42c8-919d-9a479c3741c8"}, "volume_id": "e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "project_id": "65e57d3bd1244723988403849bb03570", "host": "host1", "device": "/dev/vdb"}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-65b787e9-77a9-4733-ac5f-53acae38378f','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:07:03.969490','2026-11-30 00:07:04.491064','2026-11-30 00:07:03.827587');
CREATE TABLE keypairs (
	id INTEGER NOT NULL, 
	user_id VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	public_key TEXT NOT NULL, 
	fingerprint VARCHAR(255) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (user_id, name)
);
INSERT INTO "keypairs" VALUES(1,'666862a08f4141e39bc05048a3829812','kept','ssh','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIWkTIjWrYyxDVVnKPTNBN3eGWl3kLrwnJ1RL8Ma8fqL x','93:fb:ad:65:fe:1e:d5:4c:a6:de:c9:24:78:94:06:c6','2026-11-30 00:06:53.241305');
CREATE TABLE limits (
	scope VARCHAR(600) NOT NULL, 
	resource VARCHAR(64) NOT NULL, 
	value INTEGER NOT NULL, 
	PRIMARY KEY (scope, resource)
);
CREATE TABLE past_servers (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	user_id VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	flavor JSON NOT NULL, 
	host VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	launched_at DATETIME, 
	deleted_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "past_servers" VALUES('e42f8626-7bed-4dd6-baf0-9fd65938e921','65e57d3bd1244723988403849bb03570','666862a08f4141e39bc05048a3829812','gone','{"id": "1", "name": "m1.nano", "vcpus": 1, "memory_mib": 128, "disk_gib": 1, "ephemeral_gib": 0, "swap_mib": 0, "rxtx_factor": 1.0, "extra_specs": {}}','host1','2026-11-30 00:06:56.138220','2026-11-30 00:06:56.438193','2026-11-30 00:06:58.863498');
CREATE TABLE server_groups (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	user_id VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	policy VARCHAR(32) NOT NULL, 
	rules JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "server_groups" VALUES('92b5d3ca-06a7-40dd-abbb-51bfcaf9861b','65e57d3bd1244723988403849bb03570','666862a08f4141e39bc05048a3829812','kept','affinity','{}','2026-11-30 00:06:58.690107');
CREATE TABLE server_ports (
	id VARCHAR(36) NOT NULL, 
	server_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	network_id VARCHAR(36) NOT NULL, 
	network_name VARCHAR(255) NOT NULL, 
	mac VARCHAR(17) NOT NULL, 
	mtu INTEGER NOT NULL, 
	fixed_ips JSON NOT NULL, 
	addresses TEXT NOT NULL, 
	floating_ips JSON NOT NULL, 
	ours BOOLEAN NOT NULL, 
	tag VARCHAR(60), 
	PRIMARY KEY (id), 
	FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
);
INSERT INTO "server_ports" VALUES('7c65d430-b63a-4eae-b819-772b5a170e26','6f94b358-bfbb-419c-a7e0-433117096b3e',0,'4c83a04d-e8e2-4a8d-9d9f-0a70f61cb654','kept','fa:16:3e:4a:71:9b',1450,'[{"subnet_id": "7f80ce3d-fca0-46e5-8c8e-80615f4087e0", "ip_address": "10.77.0.246"}]','10.77.0.246','{}',0,NULL);
CREATE TABLE server_tags (
	server_id VARCHAR(36) NOT NULL, 
	tag VARCHAR(60) NOT NULL, 
	PRIMARY KEY (server_id, tag), 
	FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
);
CREATE TABLE server_volumes (
	id VARCHAR(36) NOT NULL, 
	server_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	volume_id VARCHAR(36), 
	attachment_id VARCHAR(36), 
	device VARCHAR(64), 
	boot_index INTEGER, 
	delete_on_termination BOOLEAN NOT NULL, 
	tag VARCHAR(60), 
	source VARCHAR(8) NOT NULL, 
	source_id VARCHAR(36), 
	size_gib INTEGER, 
	volume_type VARCHAR(255), 
	connection JSON, 
	PRIMARY KEY (id), 
	FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
);
INSERT INTO "server_volumes" VALUES('dfac1005-9d0b-43a8-8191-932d8bfdae0c','6f94b358-bfbb-419c-a7e0-433117096b3e',0,'e41da54a-2f23-4b41-af2f-fe5a09ff5c7e','9a519ca1-7eec-42c8-919d-9a479c3741c8','/dev/vdb',NULL,0,NULL,'volume',NULL,NULL,NULL,'{"path": "/fake/volumes/volume-e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "format": "raw", "volume_id": "e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "access_mode": "rw", "qos_specs": null, "encrypted": false, "discard": true, "cacheable": false, "driver_volume_type": "file", "data": {"path": "/fake/volumes/volume-e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "format": "raw", "volume_id": "e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "access_mode": "rw", "qos_specs": null, "encrypted": false, "discard": true, "cacheable": false}, "attachment_id": "9a519ca1-7eec-42c8-919d-9a479c3741c8"}');
CREATE TABLE servers (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(255) NOT NULL, 
	user_id VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description VARCHAR(255), 
	hostname VARCHAR(255) NOT NULL, 
	reservation_id VARCHAR(32) NOT NULL, 
	launch_index INTEGER NOT NULL, 
	status VARCHAR(24) NOT NULL, 
	power_state INTEGER NOT NULL, 
	progress INTEGER NOT NULL, 
	doomed BOOLEAN NOT NULL, 
	fault JSON, 
	locked_by VARCHAR(16), 
	locked_reason VARCHAR(255), 
	"before" JSON, 
	flavor_id VARCHAR(255) NOT NULL, 
	flavor JSON NOT NULL, 
	vcpus INTEGER NOT NULL, 
	memory_mib INTEGER NOT NULL, 
	image_id VARCHAR(36), 
	image JSON NOT NULL, 
	key_name VARCHAR(255), 
	key_public TEXT, 
	key_type VARCHAR(16), 
	user_data TEXT, 
	admin_password VARCHAR(255), 
	password_blob TEXT, 
	config_drive BOOLEAN NOT NULL, 
	disk_config VARCHAR(8) NOT NULL, 
	access_ip_v4 VARCHAR(39), 
	access_ip_v6 VARCHAR(39), 
	security_groups JSON NOT NULL, 
	metadata JSON NOT NULL, 
	root_device VARCHAR(64), 
	host VARCHAR(255), 
	zone VARCHAR(255), 
	wanted_zone VARCHAR(255), 
	wanted_host VARCHAR(255), 
	hints JSON NOT NULL, 
	group_id VARCHAR(36), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	launched_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "servers" VALUES('6f94b358-bfbb-419c-a7e0-433117096b3e','65e57d3bd1244723988403849bb03570','666862a08f4141e39bc05048a3829812','kept',NULL,'kept','r-6201d508',0,'ACTIVE',1,0,0,NULL,NULL,NULL,NULL,'1','{"id": "1", "name": "m1.nano", "vcpus": 1, "memory_mib": 128, "disk_gib": 1, "ephemeral_gib": 0, "swap_mib": 0, "rxtx_factor": 1.0, "extra_specs": {}}',1,128,'880c738c-2078-47f4-bb83-c00a2e5a1cf6','{"name": "kept", "disk_format": "raw", "container_format": "bare", "size": 65536, "virtual_size": 65536, "min_ram": 0, "min_disk": 0, "os_distro": "debian"}','kept','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIWkTIjWrYyxDVVnKPTNBN3eGWl3kLrwnJ1RL8Ma8fqL x','ssh','aGVsbG8=',NULL,NULL,0,'MANUAL',NULL,NULL,'["default"]','{"k": "v"}','/dev/vda','host1','nova',NULL,NULL,'{}',NULL,'2026-11-30 00:06:53.572999','2026-11-30 00:06:54.556239','2026-11-30 00:06:54.544863');
CREATE INDEX ix_allocations_host ON allocations (host);
CREATE INDEX ix_events_job_id ON events (job_id);
CREATE INDEX ix_events_request_id ON events (request_id);
CREATE INDEX ix_events_subject ON events (subject);
CREATE INDEX ix_jobs_subject ON jobs (subject);
CREATE INDEX jobs_due ON jobs (run_at, lease_until) WHERE state IN ('running', 'undoing', 'stuck');
CREATE UNIQUE INDEX jobs_one_live ON jobs (subject) WHERE state IN ('running', 'undoing', 'stuck');
CREATE INDEX ix_past_servers_deleted_at ON past_servers (deleted_at);
CREATE INDEX past_servers_by_project ON past_servers (project_id, deleted_at);
CREATE INDEX ix_server_groups_project_id ON server_groups (project_id);
CREATE INDEX ix_servers_group_id ON servers (group_id);
CREATE INDEX servers_by_age ON servers (created_at, id);
CREATE INDEX servers_by_host ON servers (host);
CREATE INDEX servers_by_project ON servers (project_id, created_at, id);
CREATE INDEX ix_console_tokens_expires_at ON console_tokens (expires_at);
CREATE INDEX server_ports_by_server ON server_ports (server_id, position);
CREATE INDEX ix_server_volumes_volume_id ON server_volumes (volume_id);
CREATE INDEX server_volumes_by_server ON server_volumes (server_id, position);
CREATE INDEX ix_jobs_request_id ON jobs (request_id);
COMMIT;
