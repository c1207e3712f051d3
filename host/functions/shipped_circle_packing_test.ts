import circle_packing from "../../plugins/functions/circle_packing/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("circle_packing", circle_packing, ["trap", "better", "better"]);
