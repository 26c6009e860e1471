CREATE TABLE "channel_members" (
	"channel" text NOT NULL,
	"user_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	CONSTRAINT "channel_members_pkey" PRIMARY KEY("channel","user_id","instance_id")
);
--> statement-breakpoint
CREATE TABLE "channel_messages" (
	"channel" text NOT NULL,
	"offset" bigint NOT NULL,
	"data" jsonb,
	"from_user_id" uuid NOT NULL,
	"socket_id" uuid,
	"sent_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "channel_messages_pkey" PRIMARY KEY("channel","offset")
);
--> statement-breakpoint
CREATE TABLE "channels" (
	"name" text PRIMARY KEY NOT NULL,
	"last_offset" bigint NOT NULL,
	"used_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "realtime_instances" (
	"id" uuid PRIMARY KEY NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "realtime_sockets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"slot" smallint NOT NULL,
	"instance_id" uuid NOT NULL,
	CONSTRAINT "realtime_sockets_slot_key" UNIQUE("user_id","slot")
);
--> statement-breakpoint
CREATE TABLE "ws_tickets" (
	"ticket_hash" "bytea" PRIMARY KEY NOT NULL,
	"session_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"token_expires_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "channel_members" ADD CONSTRAINT "channel_members_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "public"."realtime_instances"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "realtime_sockets" ADD CONSTRAINT "realtime_sockets_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "public"."realtime_instances"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ws_tickets" ADD CONSTRAINT "ws_tickets_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "channel_members_instance_id_idx" ON "channel_members" USING btree ("instance_id");--> statement-breakpoint
CREATE INDEX "channel_messages_sent_at_idx" ON "channel_messages" USING btree ("sent_at");--> statement-breakpoint
CREATE INDEX "channels_used_at_idx" ON "channels" USING btree ("used_at");--> statement-breakpoint
CREATE INDEX "realtime_sockets_instance_id_idx" ON "realtime_sockets" USING btree ("instance_id");--> statement-breakpoint
CREATE INDEX "ws_tickets_session_id_idx" ON "ws_tickets" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "ws_tickets_expires_at_idx" ON "ws_tickets" USING btree ("expires_at");