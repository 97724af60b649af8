BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE attachments (
	id VARCHAR(36) NOT NULL, 
	volume_id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	instance_id VARCHAR(36), 
	attached_host VARCHAR(255), 
	mountpoint VARCHAR(255), 
	attach_status VARCHAR(32) NOT NULL, 
	attach_mode VARCHAR(4), 
	connector JSON, 
	connection JSON, 
	export_host VARCHAR(255), 
	export_name VARCHAR(128), 
	attached_at DATETIME, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(volume_id) REFERENCES volumes (id) ON DELETE CASCADE
);
INSERT INTO "attachments" VALUES('9a519ca1-7eec-42c8-919d-9a479c3741c8','e41da54a-2f23-4b41-af2f-fe5a09ff5c7e','65e57d3bd1244723988403849bb03570','6f94b358-bfbb-419c-a7e0-433117096b3e','host1','/dev/vdb','attached','rw','{"host": "host1", "multipath": false, "platform": "x86_64", "os_type": "linux", "do_local_attach": false, "mountpoint": "/dev/vdb"}','{"driver_volume_type": "file", "data": {"path": "/fake/volumes/volume-e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "format": "raw", "volume_id": "e41da54a-2f23-4b41-af2f-fe5a09ff5c7e", "access_mode": "rw", "qos_specs": null, "encrypted": false, "discard": true, "cacheable": false}}',NULL,NULL,'2026-11-30 00:07:04.421820','2026-11-30 00:07:04.157296');
CREATE TABLE backups (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255), 
	description VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	volume_id VARCHAR(36) NOT NULL, 
	snapshot_id VARCHAR(36), 
	parent_id VARCHAR(36), 
	size INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	fail_reason VARCHAR(255), 
	container VARCHAR(255) NOT NULL, 
	place JSON NOT NULL, 
	object_count INTEGER NOT NULL, 
	availability_zone VARCHAR(255), 
	data_timestamp DATETIME NOT NULL, 
	facts JSON NOT NULL, 
	meta JSON NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE default_types (
	project_id VARCHAR(64) NOT NULL, 
	type_id VARCHAR(36) NOT NULL, 
	PRIMARY KEY (project_id), 
	FOREIGN KEY(type_id) REFERENCES volume_types (id) ON DELETE CASCADE
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
INSERT INTO "events" VALUES(1,'1964b64c-5d2c-42a5-9b68-e7075c1ccbf1','302d4b40-4616-4df8-be10-d01e93de086d','volume.create','make','done',NULL,'req-d552299f-fcd1-4e97-8dfb-9c05d141493c','host1-36e587b4','2026-11-30 00:06:52.311023','2026-11-30 00:06:52.420439','[{"name": "create", "where": "host1", "started_at": 1795997212.311338, "seconds": 0.090187}]');
INSERT INTO "events" VALUES(2,'1964b64c-5d2c-42a5-9b68-e7075c1ccbf1','302d4b40-4616-4df8-be10-d01e93de086d','volume.create','finish','done',NULL,'req-d552299f-fcd1-4e97-8dfb-9c05d141493c','host1-36e587b4','2026-11-30 00:06:52.475195','2026-11-30 00:06:52.497228','null');
INSERT INTO "events" VALUES(3,'d83b80c7-9c9d-4550-8cee-3d2aae7e4557','4e50c603-8815-4f9d-abc1-2fefc5513634','snapshot.create','take','done',NULL,'req-9129fa0a-ed4a-4917-95a0-b05261d89cf5','host1-36e587b4','2026-11-30 00:06:52.984071','2026-11-30 00:06:53.026715','[{"name": "snapshot", "where": "host1", "started_at": 1795997212.984248, "seconds": 0.004917}]');
INSERT INTO "events" VALUES(4,'d83b80c7-9c9d-4550-8cee-3d2aae7e4557','4e50c603-8815-4f9d-abc1-2fefc5513634','snapshot.create','finish','done',NULL,'req-9129fa0a-ed4a-4917-95a0-b05261d89cf5','host1-36e587b4','2026-11-30 00:06:53.050103','2026-11-30 00:06:53.115370','null');
INSERT INTO "events" VALUES(5,'a184dde0-85de-4c1c-8e32-8dd4d3e912ab','e41da54a-2f23-4b41-af2f-fe5a09ff5c7e','volume.create','make','done',NULL,'req-7fa4f5b9-4ff8-4865-80b5-1d89b7cac1a3','host1-36e587b4','2026-11-30 00:07:00.837985','2026-11-30 00:07:00.848798','[{"name": "create", "where": "host1", "started_at": 1795997220.8380818, "seconds": 0.009549}]');
INSERT INTO "events" VALUES(6,'a184dde0-85de-4c1c-8e32-8dd4d3e912ab','e41da54a-2f23-4b41-af2f-fe5a09ff5c7e','volume.create','finish','done',NULL,'req-7fa4f5b9-4ff8-4865-80b5-1d89b7cac1a3','host1-36e587b4','2026-11-30 00:07:00.860284','2026-11-30 00:07:00.879216','null');
CREATE TABLE group_snapshots (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255), 
	description VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	group_id VARCHAR(36) NOT NULL, 
	group_type_id VARCHAR(36) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(group_id) REFERENCES groups (id)
);
CREATE TABLE group_types (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description VARCHAR(255), 
	is_public BOOLEAN NOT NULL, 
	specs JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE group_volume_types (
	group_id VARCHAR(36) NOT NULL, 
	type_id VARCHAR(36) NOT NULL, 
	PRIMARY KEY (group_id, type_id), 
	FOREIGN KEY(group_id) REFERENCES groups (id) ON DELETE CASCADE, 
	FOREIGN KEY(type_id) REFERENCES volume_types (id)
);
CREATE TABLE groups (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255), 
	description VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	type_id VARCHAR(36) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	availability_zone VARCHAR(255) NOT NULL, 
	host VARCHAR(255), 
	source_group_id VARCHAR(36), 
	group_snapshot_id VARCHAR(36), 
	PRIMARY KEY (id), 
	FOREIGN KEY(type_id) REFERENCES group_types (id)
);
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
INSERT INTO "jobs" VALUES('1964b64c-5d2c-42a5-9b68-e7075c1ccbf1','volume.create','302d4b40-4616-4df8-be10-d01e93de086d','done','finish','{"size": 1, "host": "host1@fake#fake"}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-d552299f-fcd1-4e97-8dfb-9c05d141493c','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:51.948960','2026-11-30 00:06:52.496286','2026-11-30 00:06:51.310428');
INSERT INTO "jobs" VALUES('d83b80c7-9c9d-4550-8cee-3d2aae7e4557','snapshot.create','4e50c603-8815-4f9d-abc1-2fefc5513634','done','finish','{"volume_id": "302d4b40-4616-4df8-be10-d01e93de086d", "host": "host1@fake#fake"}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-9129fa0a-ed4a-4917-95a0-b05261d89cf5','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:06:52.929876','2026-11-30 00:06:53.114829','2026-11-30 00:06:52.911929');
INSERT INTO "jobs" VALUES('a184dde0-85de-4c1c-8e32-8dd4d3e912ab','volume.create','e41da54a-2f23-4b41-af2f-fe5a09ff5c7e','done','finish','{"size": 1, "host": "host1@fake#fake"}',NULL,0.0,0.0,NULL,0,1,0,NULL,'req-7fa4f5b9-4ff8-4865-80b5-1d89b7cac1a3','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','2026-11-30 00:07:00.768739','2026-11-30 00:07:00.878747','2026-11-30 00:07:00.762199');
CREATE TABLE messages (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	resource_type VARCHAR(32) NOT NULL, 
	resource_id VARCHAR(36) NOT NULL, 
	event_id VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	request_id VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE qos_specs (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	consumer VARCHAR(16) NOT NULL, 
	specs JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE quota_classes (
	class_name VARCHAR(255) NOT NULL, 
	resource VARCHAR(300) NOT NULL, 
	hard_limit INTEGER NOT NULL, 
	PRIMARY KEY (class_name, resource)
);
CREATE TABLE quotas (
	project_id VARCHAR(64) NOT NULL, 
	resource VARCHAR(300) NOT NULL, 
	hard_limit INTEGER NOT NULL, 
	PRIMARY KEY (project_id, resource)
);
CREATE TABLE snapshots (
	volume_id VARCHAR(36) NOT NULL, 
	volume_size INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	progress VARCHAR(8) NOT NULL, 
	type_id VARCHAR(36) NOT NULL, 
	meta JSON NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255), 
	description VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, group_snapshot_id VARCHAR(36), 
	PRIMARY KEY (id), 
	FOREIGN KEY(volume_id) REFERENCES volumes (id)
);
INSERT INTO "snapshots" VALUES('302d4b40-4616-4df8-be10-d01e93de086d',1,'available','100%','86a8fd8d-7de2-47ca-87da-6f43a95c4771','{}','4e50c603-8815-4f9d-abc1-2fefc5513634','65e57d3bd1244723988403849bb03570','666862a08f4141e39bc05048a3829812','kept',NULL,'2026-11-30 00:06:52.921068','2026-11-30 00:06:53.071213',NULL);
CREATE TABLE storage_hosts (
	name VARCHAR(255) NOT NULL, 
	pool VARCHAR(255) NOT NULL, 
	driver VARCHAR(64) NOT NULL, 
	backend_name VARCHAR(255) NOT NULL, 
	availability_zone VARCHAR(255) NOT NULL, 
	total_gib DOUBLE NOT NULL, 
	free_gib DOUBLE NOT NULL, 
	overcommit DOUBLE NOT NULL, 
	directory VARCHAR(1024) NOT NULL, 
	disk_format VARCHAR(16) NOT NULL, 
	nbd_host VARCHAR(255) NOT NULL, 
	nbd_port INTEGER NOT NULL, 
	nbd_tls BOOLEAN NOT NULL, 
	generation INTEGER NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	disabled_reason VARCHAR(255), 
	frozen BOOLEAN NOT NULL, 
	seen_at DATETIME NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "storage_hosts" VALUES('host1','host1@fake#fake','fake','fake','nova',1000.0,1000.0,20.0,'/fake/volumes','raw','127.0.0.1',11699,0,1,0,NULL,0,'2026-11-30 00:07:17.956995');
CREATE TABLE transfers (
	id VARCHAR(36) NOT NULL, 
	volume_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255), 
	key_hash VARCHAR(64) NOT NULL, 
	no_snapshots BOOLEAN NOT NULL, 
	source_project_id VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(volume_id) REFERENCES volumes (id) ON DELETE CASCADE, 
	UNIQUE (volume_id)
);
CREATE TABLE volume_type_access (
	type_id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (type_id, project_id), 
	FOREIGN KEY(type_id) REFERENCES volume_types (id) ON DELETE CASCADE
);
CREATE TABLE volume_types (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description VARCHAR(255), 
	is_public BOOLEAN NOT NULL, 
	extra_specs JSON NOT NULL, 
	qos_id VARCHAR(36), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(qos_id) REFERENCES qos_specs (id), 
	UNIQUE (name)
);
INSERT INTO "volume_types" VALUES('86a8fd8d-7de2-47ca-87da-6f43a95c4771','__DEFAULT__','Default Volume Type',1,'{}',NULL,'2026-11-30 00:05:19.846568',NULL);
INSERT INTO "volume_types" VALUES('d675e8c0-0205-40b5-b7cf-69d9f227523c','fast',NULL,1,'{}',NULL,'2026-11-30 00:07:10.966879',NULL);
CREATE TABLE volumes (
	size INTEGER NOT NULL, 
	claimed INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	previous_status VARCHAR(32), 
	attach_status VARCHAR(32) NOT NULL, 
	migration_status VARCHAR(32), 
	type_id VARCHAR(36) NOT NULL, 
	availability_zone VARCHAR(255), 
	host VARCHAR(255), 
	bootable BOOLEAN NOT NULL, 
	multiattach BOOLEAN NOT NULL, 
	readonly BOOLEAN, 
	snapshot_id VARCHAR(36), 
	source_volid VARCHAR(36), 
	meta JSON NOT NULL, 
	image_meta JSON, 
	launched_at DATETIME, 
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255), 
	description VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, group_id VARCHAR(36), 
	PRIMARY KEY (id), 
	FOREIGN KEY(type_id) REFERENCES volume_types (id)
);
INSERT INTO "volumes" VALUES(1,1,'available','creating','detached',NULL,'86a8fd8d-7de2-47ca-87da-6f43a95c4771','nova','host1@fake#fake',0,0,NULL,NULL,NULL,'{"a": "b"}','null','2026-11-30 00:06:52.475290','302d4b40-4616-4df8-be10-d01e93de086d','65e57d3bd1244723988403849bb03570','666862a08f4141e39bc05048a3829812','kept',NULL,'2026-11-30 00:06:51.927610','2026-11-30 00:06:52.475909',NULL);
INSERT INTO "volumes" VALUES(1,1,'in-use','creating','attached',NULL,'86a8fd8d-7de2-47ca-87da-6f43a95c4771','nova','host1@fake#fake',0,0,NULL,NULL,NULL,'{}','null','2026-11-30 00:07:00.860352','e41da54a-2f23-4b41-af2f-fe5a09ff5c7e','65e57d3bd1244723988403849bb03570','666862a08f4141e39bc05048a3829812','attached',NULL,'2026-11-30 00:07:00.768407','2026-11-30 00:07:04.435718',NULL);
CREATE INDEX ix_events_job_id ON events (job_id);
CREATE INDEX ix_events_request_id ON events (request_id);
CREATE INDEX ix_events_subject ON events (subject);
CREATE INDEX ix_jobs_subject ON jobs (subject);
CREATE INDEX jobs_due ON jobs (run_at, lease_until) WHERE state IN ('running', 'undoing', 'stuck');
CREATE UNIQUE INDEX jobs_one_live ON jobs (subject) WHERE state IN ('running', 'undoing', 'stuck');
CREATE INDEX messages_expire ON messages (expires_at);
CREATE INDEX messages_of_project ON messages (project_id, created_at, id);
CREATE INDEX volumes_in_order ON volumes (created_at, id);
CREATE INDEX volumes_of_host ON volumes (host);
CREATE INDEX volumes_of_project ON volumes (project_id, created_at, id);
CREATE INDEX volumes_of_type ON volumes (type_id);
CREATE INDEX attachments_exported ON attachments (export_host);
CREATE INDEX attachments_of_instance ON attachments (instance_id);
CREATE INDEX attachments_of_project ON attachments (project_id, created_at, id);
CREATE INDEX attachments_of_volume ON attachments (volume_id);
CREATE INDEX snapshots_in_order ON snapshots (created_at, id);
CREATE INDEX snapshots_of_project ON snapshots (project_id, created_at, id);
CREATE INDEX snapshots_of_volume ON snapshots (volume_id);
CREATE INDEX transfers_of_project ON transfers (source_project_id, created_at);
CREATE INDEX ix_jobs_request_id ON jobs (request_id);
CREATE INDEX backups_of_project ON backups (project_id, created_at, id);
CREATE INDEX backups_in_order ON backups (created_at, id);
CREATE INDEX backups_of_volume ON backups (volume_id);
CREATE INDEX backups_upon ON backups (parent_id);
CREATE INDEX groups_of_project ON groups (project_id, created_at, id);
CREATE INDEX groups_in_order ON groups (created_at, id);
CREATE INDEX group_snapshots_of_project ON group_snapshots (project_id, created_at, id);
CREATE INDEX group_snapshots_in_order ON group_snapshots (created_at, id);
CREATE INDEX groups_of_type ON groups (type_id);
CREATE INDEX groups_of_volume_type ON group_volume_types (type_id);
CREATE INDEX group_snapshots_of_group ON group_snapshots (group_id);
CREATE INDEX volumes_of_group ON volumes (group_id);
CREATE INDEX snapshots_of_group_snapshot ON snapshots (group_snapshot_id);
COMMIT;
